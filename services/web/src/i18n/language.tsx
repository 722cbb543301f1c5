import { createContext, type ReactNode, useContext, useLayoutEffect, useMemo, useState } from 'react';

import { KindWordsContext } from '../people/kind-words.ts';
import { chosenLanguage, keepLanguage } from './chosen-language.ts';
import type { Area, Language, Text, Texts } from './texts.ts';

interface LanguageChoice {
  readonly language: Language;
  readonly setLanguage: (language: Language) => void;
  readonly texts: Texts;
}

const Context = createContext<LanguageChoice | undefined>(undefined);

/** Gives the page its language: the one chosen before, else the first of the browser's that there is. */
export function LanguageProvider({ texts, children }: { readonly texts: Texts; readonly children: ReactNode }) {
  const [language, setLanguage] = useState(() => chosenLanguage(localStorage, navigator.languages));
  useLayoutEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-Hans' : language;
  }, [language]);
  const choice = useMemo(
    () => ({
      language,
      texts,
      setLanguage: (next: Language) => {
        keepLanguage(localStorage, next);
        setLanguage(next);
      },
    }),
    [language, texts],
  );
  return (
    <Context.Provider value={choice}>
      <KindWordsContext.Provider value={texts[language].app.kinds}>{children}</KindWordsContext.Provider>
    </Context.Provider>
  );
}

/** The language of the page, and how to change it. */
export function useLanguage(): LanguageChoice {
  const choice = useContext(Context);
  if (choice === undefined) throw new TypeError('useLanguage needs a LanguageProvider above.');
  return choice;
}

/** The words of a part in the page's language. The page has to carry that part (`renderPage`). */
export function useText<A extends Area>(area: A): Text<A> {
  const { language, texts } = useLanguage();
  const words: Text<A> | undefined = (texts[language] as { readonly [B in Area]?: Text<B> })[area];
  if (words === undefined) throw new TypeError(`This page carries no words of "${area}".`);
  return words;
}
