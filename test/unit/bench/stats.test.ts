import { describe, expect, it } from 'vitest';
import { highestRate, quantile, ratios, spread } from '#bench/measure/stats.ts';

describe('figures of the bench', () => {
  it('tells the median and the range, whatever the order', () => {
    expect(spread([5, 1, 3])).toEqual({ median: 3, min: 1, max: 5, runs: 3 });
    expect(spread([4, 2]).median).toBe(3);
    expect(() => spread([])).toThrow(RangeError);
  });

  it('takes quantiles between neighbours', () => {
    expect(quantile([1, 2, 3, 4, 5], 0.5)).toBe(3);
    expect(quantile([0, 10], 0.25)).toBe(2.5);
    expect(quantile([], 0.5)).toBeNaN();
  });

  it('compares runs with their neighbours in time, and refuses runs that do not pair up', () => {
    expect(ratios([2, 9], [1, 3])).toEqual([2, 3]);
    expect(() => ratios([1], [])).toThrow(RangeError);
  });
});

describe('the search for the highest rate', () => {
  const upTo = (capacity: number, asked: number[]) => async (rate: number) => {
    asked.push(rate);
    return rate <= capacity;
  };

  it('doubles, then halves the gap', async () => {
    const asked: number[] = [];
    const found = await highestRate(100, 100_000, 0.05, upTo(1_000, asked));
    expect(found).toBeGreaterThan(950);
    expect(found).toBeLessThanOrEqual(1_000);
    expect(asked.slice(0, 5)).toEqual([100, 200, 400, 800, 1_600]);
  });

  it('forgives one hiccup of a rate, not two', async () => {
    let hiccups = 1;
    const found = await highestRate(100, 800, 0.5, async (rate) => rate <= 400 && !(rate === 200 && hiccups-- > 0));
    expect(found).toBe(400);
  });

  it('is 0 where nothing passes, and stops at the limit', async () => {
    expect(await highestRate(100, 1_000, 0.05, async () => false)).toBe(0);
    expect(await highestRate(100, 400, 0.05, async () => true)).toBe(400);
  });
});
