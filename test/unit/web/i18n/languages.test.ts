import { describe, expect, it } from 'vitest';

import { SETTING_WARNINGS, type SettingWarningCode } from '#libs/protocol/setting-warnings.ts';
import { en, type Texts } from '#services/web/src/i18n/en.ts';
import { LANGUAGES, type Language, loadLanguage, nextLanguage } from '#services/web/src/i18n/languages.ts';
import { WARNINGS } from '#services/web/src/i18n/warnings.ts';

const languages = Object.keys(LANGUAGES) as Language[];

/** Every word by its path, with what it is: `chat.online: a sentence of 1`. */
function shape(words: unknown, path = ''): string[] {
  if (typeof words === 'function') return [`${path}: a sentence of ${words.length}`];
  if (typeof words === 'string') return [`${path}: ${words.trim() === '' ? 'nothing' : 'a text'}`];
  return Object.entries(words as object).flatMap(([name, inner]) => shape(inner, `${path}.${name}`));
}

describe('the words of the pages', () => {
  it.each(languages)('in %s are those of English: none is missing, empty or beyond', async (language) => {
    const { texts } = await loadLanguage(language);
    expect(shape(texts).sort()).toEqual(shape(en).sort());
    expect(shape(texts).filter((one) => one.endsWith('nothing'))).toEqual([]);
  });

  it.each(languages)('[A13] in %s warn with the same settings and values as the log', (language) => {
    const values = ['shop, bot', 'more'];
    for (const [code, english] of Object.entries<(...values: string[]) => string>(SETTING_WARNINGS)) {
      const sentence: (...values: string[]) => string = WARNINGS[language][code as SettingWarningCode];
      for (const given of [values, ['', '']]) {
        const named =
          english(...given).match(
            /[A-Z]+_[A-Z_]+|\b[a-z]+_[a-z_]+ = \w+|fsync = \w+|shop, bot|rediss|\?sslmode=\S+\b|openssl [\w -]+\d+/g,
          ) ?? [];
        expect([code, named.filter((name) => !sentence(...given).includes(name))]).toEqual([code, []]);
      }
    }
  });

  it('do not compile in a language that lacks one', () => {
    const { open: _, ...chat } = en.chat;
    // @ts-expect-error: `chat.open` is missing.
    const texts: Texts = { ...en, chat };
    expect(shape(texts)).not.toEqual(shape(en));
  });

  it('are changed to the next language, and from the last to the first', () => {
    const [first, ...others] = languages;
    expect(languages.map(nextLanguage)).toEqual([...others, first]);
  });
});
