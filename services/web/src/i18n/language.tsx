import { createContext, type ReactNode, useContext, useEffect, useLayoutEffect, useMemo, useState } from 'react';
import { browserStorage } from '../storage/browser-storage.ts';
import {
  type Area,
  keepLanguage,
  LANGUAGES,
  type Language,
  type LoadedLanguage,
  loadLanguage,
  localeOf,
  nextLanguage,
  type Text,
} from './languages.ts';

interface LanguageChoice extends LoadedLanguage {
  /** The locale of numbers and times: `localeOf`. */
  readonly locale: string;
  /**
   * Changes the language of the page and remembers it. The page changes once the texts are loaded.
   */
  readonly setLanguage: (language: Language) => void;
}

const Context = createContext<LanguageChoice | undefined>(undefined);

interface LanguageProviderProps {
  readonly first: LoadedLanguage;
  readonly children: ReactNode;
}

/** Gives its children the language of the page and its texts. */
export function LanguageProvider({ first, children }: LanguageProviderProps) {
  const [loaded, setLoaded] = useState(first);
  useLayoutEffect(() => {
    document.documentElement.lang = LANGUAGES[loaded.language].tag;
  }, [loaded]);
  useEffect(() => {
    // Loads the next language early, so that its button works offline. If this fails, pressing the
    // button loads it.
    loadLanguage(nextLanguage(loaded.language)).catch(() => undefined);
  }, [loaded]);
  const choice = useMemo(
    () => ({
      ...loaded,
      locale: localeOf(loaded.language, navigator.languages),
      setLanguage: (next: Language) => {
        keepLanguage(browserStorage, next);
        // If the texts cannot be loaded, the page stays as it is. The next visit has the new
        // language.
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

/** The texts of one area in the language of the page. */
export function useText<A extends Area>(area: A): Text<A> {
  return useLanguage().texts[area];
}
