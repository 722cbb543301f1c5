import type { Text } from '../i18n/languages.ts';

/** An error's code in words. */
export function errorText(code: string, { errors }: Text<'agent'>): string {
  const words: Readonly<Record<string, string>> = errors;
  return Object.hasOwn(words, code) ? (words[code] ?? errors.other) : errors.other;
}
