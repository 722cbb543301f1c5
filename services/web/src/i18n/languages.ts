import type { Language } from '#libs/protocol/languages.ts';
import type { Texts } from './en.ts';

/**
 * The languages of the pages, by the first part of their tag. To add one, write a file like `zh.ts`
 * and add a line here and in `libs/protocol/languages.ts`: a file that lacks a text does not compile. `tag`: the `lang` of the
 * document. A page loads the file of its language first, then that of the next language.
 */
export const LANGUAGES = {
  en: { name: 'English', tag: 'en', load: async () => (await import('./en.ts')).en },
  zh: { name: '中文', tag: 'zh-Hans', load: async () => (await import('./zh.ts')).zh },
} as const satisfies Readonly<Record<Language, LanguageEntry>>;

interface LanguageEntry {
  /** In the language itself. */
  readonly name: string;
  readonly tag: string;
  readonly load: () => Promise<Texts>;
}

export type { Language };

/** An area of the texts. */
export type Area = keyof Texts;

/** The texts of one area. */
export type Text<A extends Area> = Texts[A];

/** A language with its texts. */
export interface LoadedLanguage {
  readonly language: Language;
  readonly texts: Texts;
}

/** Rejects if the texts cannot be loaded. */
export async function loadLanguage(language: Language): Promise<LoadedLanguage> {
  return { language, texts: await LANGUAGES[language].load() };
}

/** The language after this one. After the last comes the first. */
export function nextLanguage(language: Language): Language {
  const all = Object.keys(LANGUAGES) as Language[];
  return all[(all.indexOf(language) + 1) % all.length] ?? language;
}

/** Not secret: every script may read it. */
const KEY = 'parley.language';

const isLanguage = (name: string | null | undefined): name is Language => typeof name === 'string' && Object.hasOwn(LANGUAGES, name);

/**
 * The remembered language, or else the first supported one of the browser's (`zh-CN` is `zh`), or
 * else English.
 */
export function chosenLanguage(storage: Pick<Storage, 'getItem'>, preferred: readonly string[]): Language {
  const kept = storage.getItem(KEY);
  if (isLanguage(kept)) return kept;
  return preferred.map((tag) => tag.split('-')[0]?.toLowerCase()).find(isLanguage) ?? 'en';
}

/**
 * The locale of numbers and times: the first of the browser's in the language of the page, so that
 * `en-GB` has 24 hours; otherwise the tag of the language. All pages use it for all times.
 */
export function localeOf(language: Language, preferred: readonly string[]): string {
  return preferred.find((tag) => tag.split('-')[0]?.toLowerCase() === language) ?? LANGUAGES[language].tag;
}

/** Remembers the language for the next visit. */
export function keepLanguage(storage: Pick<Storage, 'setItem'>, language: Language): void {
  storage.setItem(KEY, language);
}
