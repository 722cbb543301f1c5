import { describe, expect, it } from 'vitest';
import { type Factors, pairwise } from './pairwise.ts';

const BOTH = ['0', '1'];

/** Counts the pairs of values that no row has. */
function missingPairs(factors: Factors, rows: readonly Readonly<Record<string, string>>[]): number {
  let missing = 0;
  for (const [one, values] of Object.entries(factors))
    for (const [other, others] of Object.entries(factors))
      if (one < other)
        for (const a of values) for (const b of others) if (!rows.some((row) => row[one] === a && row[other] === b)) missing += 1;
  return missing;
}

describe('the rows of a walk', () => {
  it.each<[Factors, most: number]>([
    [{ a: BOTH, b: ['only'] }, 2],
    [{ a: BOTH, b: BOTH }, 4],
    [{ a: BOTH, b: BOTH, c: BOTH, d: ['only'] }, 4],
    [{ a: BOTH, b: BOTH, c: BOTH, d: BOTH }, 5],
    [{ a: ['0', '1', '2', '3', '4'], b: BOTH, c: BOTH, d: BOTH }, 12],
  ])('have each pair of two values, and are few: %j in %i', (factors, most) => {
    const rows = pairwise(factors);
    expect(missingPairs(factors, rows)).toBe(0);
    expect(rows.length).toBeLessThanOrEqual(most);
    for (const row of rows)
      expect(
        missingPairs(
          factors,
          rows.filter((other) => other !== row),
        ),
      ).toBeGreaterThan(0);
  });
});
