import { readFileSync } from 'node:fs';

/** The code blocks of a language in a Markdown file of the repository, in order. */
export function codeBlocks(path: string, language: string): string[] {
  const text = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(([, name]) => name === language).map(([, , code = '']) => code);
}
