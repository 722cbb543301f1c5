import { describe, expect, it } from 'vitest';
import { chosenLanguage, keepLanguage, localeOf } from '#services/web/src/i18n/languages.ts';

const storage = (kept: string | null) => ({ getItem: () => kept });

describe('the language of a page', () => {
  it('is the first of the browser that there is, else English', () => {
    expect(chosenLanguage(storage(null), ['fr-FR', 'zh-CN', 'en-US'])).toBe('zh');
    expect(chosenLanguage(storage(null), ['EN-gb', 'zh'])).toBe('en');
    expect(chosenLanguage(storage(null), ['fr'])).toBe('en');
    expect(chosenLanguage(storage(null), [])).toBe('en');
  });

  it('is the one chosen before, where that is one', () => {
    const kept = new Map<string, string>();
    keepLanguage({ setItem: (key, value) => void kept.set(key, value) }, 'zh');
    expect(chosenLanguage({ getItem: (key) => kept.get(key) ?? null }, ['en'])).toBe('zh');
    expect(chosenLanguage(storage('constructor'), ['zh'])).toBe('zh');
  });

  it('has the times of the browser, if the browser has that language', () => {
    expect(localeOf('en', ['zh-CN', 'en-GB', 'en-US'])).toBe('en-GB');
    expect(localeOf('zh', ['en-US', 'zh-TW'])).toBe('zh-TW');
    expect(localeOf('zh', ['en-US'])).toBe('zh-Hans');
    expect(localeOf('en', [])).toBe('en');
  });
});
