import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../../../', import.meta.url);
const NOT_YET = '**(not yet built)**';

interface Rule {
  readonly id: string;
  readonly built: boolean;
}

function rules(): Rule[] {
  const spec = readFileSync(new URL('SPEC.md', ROOT), 'utf8');
  return [...spec.matchAll(/^- \*\*([A-Z]\d+)\*\* (.*)$/gm)].map(([, id = '', text = '']) => ({ id, built: !text.startsWith(NOT_YET) }));
}

/** Ids in the titles of tests, with the files that quote them. */
function quoted(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const file of globSync('test/**/*.test.ts', { cwd: ROOT })) {
    const source = readFileSync(new URL(file, ROOT), 'utf8');
    // A title is the first argument of `it(`, or follows the table of `it.each(...)(`.
    for (const [, title = ''] of source.matchAll(/(?:\bit|\btest|\]|\))\(\s*(['"`].*)/g)) {
      for (const [, id = ''] of title.matchAll(/\[([A-Z]\d+)\]/g)) found.set(id, (found.get(id) ?? new Set()).add(file));
    }
  }
  return found;
}

describe('the rules of SPEC.md', () => {
  it('finds them', () => {
    const ids = rules().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const family of ['H', 'R', 'F', 'M', 'P', 'D', 'A'])
      expect(
        ids.some((id) => id.startsWith(family)),
        family,
      ).toBe(true);
  });

  it('each one that is built is quoted by the title of a test', () => {
    const titles = quoted();
    const missing = rules().filter(({ id, built }) => built && !titles.has(id));
    expect(missing.map(({ id }) => id)).toEqual([]);
  });

  it('no title quotes a rule that is not there', () => {
    const known = new Set(rules().map(({ id }) => id));
    const strange = [...quoted()].filter(([id]) => !known.has(id)).map(([id, files]) => `${id}: ${[...files].join(', ')}`);
    expect(strange).toEqual([]);
  });
});
