import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { COMPARISONS } from '#bench/compare/catalogue.ts';
import { plotted, resultsPage } from '#bench/compare/page.ts';
import type { Result } from '#bench/compare/result.ts';
import { Results } from '#bench/compare/results.ts';
import { ratioPlot } from '#bench/report/plot.ts';
import { figuresOf, type Outcome, type SideRun } from '#bench/scenarios/outcome.ts';

const BENCH = new URL('../../../bench/', import.meta.url);

interface Run extends SideRun {
  readonly cpu: number;
  readonly lost: number;
}

function outcome(): Outcome {
  const run = (side: string, cpu: number, share: number): Run => ({ side, cpu, lost: 0, shares: { 'server 1': share, load: 0.5 } });
  const runs = [run('bare', 2, 0.4), run('ours', 3, 0.9), run('bare', 4, 0.4), run('ours', 4, 0.8)];
  const figures = figuresOf('s', [{ label: 'bare' }, { label: 'ours' }], runs, [
    { metric: 'CPU', unit: 'us', take: (one) => one.cpu },
    { metric: 'lost', unit: '', take: (one) => one.lost },
  ]);
  return { name: 's', figures, remarks: ['a remark'], runs };
}

function result(more: Partial<Result> = {}): Result {
  const machine = { cpu: 'a CPU', cores: 2, memoryGiB: 8, kernel: '6.1', versions: { Parley: '1.0 (abc)', Redis: '7.0' } };
  return {
    name: 's',
    title: 'A scenario',
    about: 'About it.',
    baseline: 'bare',
    outcome: outcome(),
    absent: [{ side: 'nchan', reason: 'it cannot' }],
    quick: false,
    rounds: 2,
    seconds: 61.4,
    date: '2026-01-31',
    machine,
    loadBefore: 0.25,
    ...more,
  };
}

describe('the page of the comparison', () => {
  it('has a row for each side, with medians, ranges, ratios and the busiest process', () => {
    const page = resultsPage([result()], ['s', 'other']);
    expect(page).toContain('2 cores of a CPU, 8 GiB, Linux 6.1. Redis 7.0.');
    expect(page).toContain('About it. 2 rounds. 2026-01-31, 61 s, load average 0.3 before, Parley 1.0 (abc).');
    expect(page).toContain('| bare | 3.00 (2.00-4.00) | 0.00 (0.00-0.00) | load 50 % |');
    expect(page).toContain('| ours | 3.50 (3.00-4.00) **1.25 x** | 0.00 (0.00-0.00) | server 1 85 % |');
    expect(page).toContain('| nchan | - (it cannot) | - | - |');
    expect(page).toContain('- a remark');
    expect(page).toContain('## Not measured yet\n\n`other`\n');
  });

  it('says which figures come from a quick run', () => {
    expect(resultsPage([result({ quick: true })], ['s'])).not.toContain('Not measured');
    expect(resultsPage([result({ quick: true })], ['s'])).toContain('About it. **A quick run: once, briefly.** 2026-01-31');
  });

  it('gives no ratio to a baseline of nothing, before and after JSON', () => {
    for (const one of [outcome(), JSON.parse(JSON.stringify(outcome())) as Outcome]) {
      expect(plotted(one).figures.map((figure) => figure.metric)).toEqual(['CPU']);
    }
  });

  it('is what the committed results say, and so are the plots', () => {
    const names = COMPARISONS.map(({ name }) => name);
    const { all } = new Results(BENCH, names);
    expect(all.length).toBeGreaterThan(0);
    expect(readFileSync(new URL('RESULTS.md', BENCH), 'utf8')).toBe(resultsPage(all, names));
    for (const one of all) expect(readFileSync(new URL(`plots/${one.name}.svg`, BENCH), 'utf8')).toBe(ratioPlot(plotted(one.outcome)));
  });
});
