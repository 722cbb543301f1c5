import { LANGUAGES, type Language } from './languages.ts';

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
