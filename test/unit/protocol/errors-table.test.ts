import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SETTINGS } from '#libs/config/settings.ts';
import { ERRORS, type ErrorEntry } from '#libs/protocol/errors.ts';

const SPEC = readFileSync(new URL('../../../SPEC.md', import.meta.url), 'utf8');

/** One part of SPEC.md: from its heading to the next. */
function part(heading: string): string {
  const start = SPEC.indexOf(`## ${heading}`);
  if (start < 0) throw new Error(`no part "${heading}" in SPEC.md`);
  const end = SPEC.indexOf('\n## ', start);
  return SPEC.slice(start, end < 0 ? undefined : end);
}

/** Cells of a part's table rows whose first cell matches. */
function rows(text: string, first: RegExp): string[][] {
  const cells = text.split('\n').filter((line) => /^\s*\|/.test(line));
  return cells
    .map((line) =>
      line
        .trim()
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
    .filter(([cell]) => first.test(cell ?? ''));
}

/** Words in capitals, in backquotes: codes and settings. */
const wordsOf = (text: string) => [...text.matchAll(/`([A-Z][A-Z_]+)(?:=\w+)?`/g)].map((match) => match[1] ?? '');

const entries: [string, ErrorEntry][] = Object.entries(ERRORS);

describe('the table of errors', () => {
  it('[C] names the close code of each error, and no other', () => {
    const told = rows(part('C. Close codes'), /^\d{4}$/).flatMap(([close, reason]) =>
      wordsOf(reason ?? '').map((code) => [code, Number(close)] as const),
    );
    const known = entries.filter(([, { close }]) => close !== 0).map(([code, { close }]) => [code, close] as const);
    expect(told.toSorted()).toEqual(known.toSorted());
  });

  it('[C] says by its number whether a client may come back', () => {
    for (const [code, { close, retryable }] of entries) {
      if (close >= 4500) expect([code, retryable]).toEqual([code, false]);
      if (close >= 4000 && close < 4500) expect([code, retryable || code === 'TOKEN_EXPIRED']).toEqual([code, true]);
    }
  });

  it('[H4] has the status of each refusal', () => {
    const refusals = rows(part('H. Handshake'), /^\d{3}$/);
    expect(refusals.length).toBeGreaterThan(5);
    for (const [status, code = ''] of refusals) {
      const [name = ''] = wordsOf(code);
      expect([name, entries.find(([known]) => known === name)?.[1].status]).toEqual([name, Number(status)]);
    }
  });

  it('has every code that SPEC.md uses, and SPEC.md has no unknown setting either', () => {
    const known = new Set<string>([...Object.keys(ERRORS), ...Object.values(SETTINGS).map(({ name }) => name)]);
    expect(wordsOf(SPEC).filter((word) => !known.has(word))).toEqual([]);
  });
});
