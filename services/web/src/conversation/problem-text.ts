import type { Text } from '../i18n/languages.ts';

/** An error's code in words. */
export function problemText(problems: Text<'problems'>, code: string): string {
  return Object.hasOwn(problems, code) ? problems[code as keyof typeof problems] : problems.other;
}
