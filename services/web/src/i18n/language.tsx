import { createContext, type ReactNode, useContext, useEffect, useLayoutEffect, useMemo, useState } from 'react';
import {
  type Area,
  keepLanguage,
  LANGUAGES,
  type Language,
  type LoadedLanguage,
  loadLanguage,
  nextLanguage,
  type Text,
} from './languages.ts';

interface LanguageChoice extends LoadedLanguage {
  /** Shows the page in this language as soon as its texts are there, and from now on. */
  readonly setLanguage: (language: Language) => void;
}

const Context = createContext<LanguageChoice | undefined>(undefined);

interface LanguageProviderProps {
  readonly first: LoadedLanguage;
  readonly children: ReactNode;
}

/** Gives everything below the language of the page and its texts. */
export function LanguageProvider({ first, children }: LanguageProviderProps) {
  const [loaded, setLoaded] = useState(first);
  useLayoutEffect(() => {
    document.documentElement.lang = LANGUAGES[loaded.language].tag;
  }, [loaded]);
  useEffect(() => {
    // The button works offline, too. If this fails, the press asks again.
    loadLanguage(nextLanguage(loaded.language)).catch(() => undefined);
  }, [loaded]);
  const choice = useMemo(
    () => ({
      ...loaded,
      setLanguage: (next: Language) => {
        keepLanguage(localStorage, next);
        // If the texts cannot be fetched, the page stays as it is, and has the language at the next visit.
        loadLanguage(next).then(setLoaded, () => undefined);
      },
    }),
    [loaded],
  );
  return <Context.Provider value={choice}>{children}</Context.Provider>;
}

/** The language of the page, and how to change it. */
export function useLanguage(): LanguageChoice {
  const choice = useContext(Context);
  if (choice === undefined) throw new TypeError('useLanguage needs a LanguageProvider above.');
  return choice;
}

/** The texts of a part in the page's language. */
export function useText<A extends Area>(area: A): Text<A> {
  return useLanguage().texts[area];
}
