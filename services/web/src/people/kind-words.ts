import { createContext, useContext } from 'react';

import { kinds } from '../i18n/en/kinds.ts';

/** The words of the tags in the page's language. */
export type KindWords = typeof kinds;

/** Set where the page's language is. */
export const KindWordsContext = createContext<KindWords>(kinds);

export function useKindWords(): KindWords {
  return useContext(KindWordsContext);
}

/** The tag of somebody of this kind; undefined: none. */
export function kindWord(kind: string | undefined, words: KindWords): string | undefined {
  return kind !== undefined && Object.hasOwn(words, kind) ? words[kind as keyof KindWords] : undefined;
}
