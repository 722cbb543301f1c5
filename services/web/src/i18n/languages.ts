import type { Texts } from './en.ts';

/**
 * The languages of the pages, by the first part of their tag. A new one is a file like `zh.ts` and an entry here; the
 * compiler names every word that the file lacks. `tag`: as the `lang` of a document. A page starts with the file
 * of its language alone, and then loads that of the next one.
 */
export const LANGUAGES = {
  en: { name: 'English', tag: 'en', load: async () => (await import('./en.ts')).en },
  zh: { name: '中文', tag: 'zh-Hans', load: async () => (await import('./zh.ts')).zh },
} as const satisfies Readonly<Record<string, LanguageEntry>>;

interface LanguageEntry {
  /** In the language itself. */
  readonly name: string;
  readonly tag: string;
  readonly load: () => Promise<Texts>;
}

export type Language = keyof typeof LANGUAGES;

/** Name of a part of the texts. */
export type Area = keyof Texts;

/** The texts of a part. */
export type Text<A extends Area> = Texts[A];

/** A language with its texts. */
export interface LoadedLanguage {
  readonly language: Language;
  readonly texts: Texts;
}

/** Rejects if the file of the texts cannot be fetched. */
export async function loadLanguage(language: Language): Promise<LoadedLanguage> {
  return { language, texts: await LANGUAGES[language].load() };
}

/** The language after this one: where there are two, the other. */
export function nextLanguage(language: Language): Language {
  const all = Object.keys(LANGUAGES) as Language[];
  return all[(all.indexOf(language) + 1) % all.length] ?? language;
}

/** A language is no secret: it may be kept where every script reads it. */
const KEY = 'parley.language';

const isLanguage = (name: string | null | undefined): name is Language => typeof name === 'string' && Object.hasOwn(LANGUAGES, name);

/** The language chosen before, otherwise the first of the browser's (`zh-CN` is `zh`) that there is, otherwise English. */
export function chosenLanguage(storage: Pick<Storage, 'getItem'>, preferred: readonly string[]): Language {
  const kept = storage.getItem(KEY);
  if (isLanguage(kept)) return kept;
  return preferred.map((tag) => tag.split('-')[0]?.toLowerCase()).find(isLanguage) ?? 'en';
}

export function keepLanguage(storage: Pick<Storage, 'setItem'>, language: Language): void {
  storage.setItem(KEY, language);
}
