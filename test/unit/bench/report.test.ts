import { describe, expect, it } from 'vitest';
import { spread } from '#bench/measure/stats.ts';
import { ratioPlot } from '#bench/report/plot.ts';
import { markdownTable } from '#bench/report/table.ts';
import { type Figure, keepsGoal, type Outcome } from '#bench/scenarios/outcome.ts';
import { rotated } from '#bench/scenarios/side.ts';

function figure(values: readonly number[], goal: Figure['goal']): Figure {
  const baseline = spread(values.map(() => 2));
  const each = values.map((value) => value / 2);
  return { scenario: 's', side: 'a <b>', metric: 'm', unit: 'us', ours: spread(values), baseline, ratio: spread(each), ratios: each, goal };
}

describe('the report of the bench', () => {
  it('holds the median against the goal', () => {
    expect(keepsGoal(figure([1, 2, 9], { kind: 'at-most', value: 1.15, of: 'ratio' }))).toBe(true);
    expect(keepsGoal(figure([1, 3, 9], { kind: 'at-most', value: 1.15, of: 'ratio' }))).toBe(false);
    expect(keepsGoal(figure([1, 3, 9], { kind: 'at-most', value: 3, of: 'ours' }))).toBe(true);
    expect(keepsGoal(figure([1.4], { kind: 'at-least', value: 0.8, of: 'ratio' }))).toBe(false);
    expect(keepsGoal(figure([1], { kind: 'none' }))).toBeUndefined();
  });

  it('prints medians with their range, and what was missed', () => {
    const outcome: Outcome = {
      name: 'o',
      figures: [figure([1, 3, 9], { kind: 'at-most', value: 1.15, of: 'ratio' })],
      remarks: [],
      runs: [],
    };
    expect(markdownTable([outcome]).split('\n').at(-1)).toBe(
      '| s | a <b> | m, us | 3.00 (1.00-9.00) | 2.00 (2.00-2.00) | 1.50 (0.50-4.50) | <= 1.15 x | MISSED |',
    );
    expect(ratioPlot(outcome)).toContain('a &lt;b> · m');
  });

  it('lets another side begin each round', () => {
    expect([0, 1, 2, 3].map((round) => rotated(['a', 'b', 'c'], round).join(''))).toEqual(['abc', 'bca', 'cab', 'abc']);
  });
});
