import { busiest } from '#bench/measure/meter.ts';
import { quantile } from '#bench/measure/stats.ts';
import { rangeText } from '#bench/report/table.ts';
import type { Figure, Outcome } from '#bench/scenarios/outcome.ts';
import type { Machine } from './machine.ts';
import type { Result } from './result.ts';

/** How many of a scenario's figures its plot has. */
const PLOTTED = 3;

/** The whole page, from the results alone. @param names all scenarios, so that it says which are not there. */
export function resultsPage(results: readonly Result[], names: readonly string[]): string {
  const machines = [...new Set(results.map(({ machine }) => machineText(machine)))];
  return `${[
    '# Parley beside its peers',
    '',
    '`npm run bench -- compare --publish` writes this page; nobody edits it. [README.md](README.md) says',
    'how each side runs, how it is measured, and how long it takes.',
    '',
    'Figures are medians of the rounds, in brackets the least and the most. A bold figure is the ratio to',
    'the first row, taken within each round. Servers have core 0; Redis, PostgreSQL and the load have core',
    '1. *CPU* is user and system time of the servers; *whole core* is all that core 0 did, interrupts',
    'included; where the load average before was above 1, that has other work in it. The last column is',
    'the process that used most of a core.',
    '',
    ...machines.flatMap((text) => [text, '']),
    ...results.flatMap(section),
    ...notMeasured(names.filter((name) => !results.some((result) => result.name === name))),
  ]
    .join('\n')
    .trimEnd()}\n`;
}

function notMeasured(names: readonly string[]): string[] {
  if (names.length === 0) return [];
  return ['## Not measured yet', '', names.map((name) => `\`${name}\``).join(', '), ''];
}

/** The first figures of an outcome, as far as there is a ratio. */
export function plotted(outcome: Outcome): Outcome {
  const names = metricsOf(outcome.figures).slice(0, PLOTTED);
  return { ...outcome, figures: outcome.figures.filter((figure) => names.includes(figure.metric) && hasRatio(figure)) };
}

/** Without Parley's own version, which stands with each scenario. */
function machineText({ cpu, cores, memoryGiB, kernel, versions }: Machine): string {
  const list = Object.entries(versions)
    .filter(([name]) => name !== 'Parley')
    .map(([name, version]) => `${name} ${version}`);
  return `${cores} cores of ${cpu}, ${memoryGiB} GiB, Linux ${kernel}. ${list.join(', ')}.`;
}

function section(result: Result): string[] {
  const { outcome, baseline, quick, rounds, seconds, date, absent } = result;
  const sides = [...new Set(outcome.figures.map((figure) => figure.side))];
  const metrics = metricsOf(outcome.figures);
  const figure = (side: string, metric: string) => outcome.figures.find((one) => one.side === side && one.metric === metric);
  const units = metrics.map((metric) => `${metric}, ${outcome.figures.find((one) => one.metric === metric)?.unit ?? ''}`);
  const first = metrics.map((metric) => {
    const any = outcome.figures.find((one) => one.metric === metric);
    return any === undefined ? '-' : rangeText(any.baseline);
  });
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const load = result.loadBefore === undefined ? '' : `load average ${result.loadBefore.toFixed(1)} before, `;
  const how = quick ? '**A quick run: once, briefly.**' : `${rounds} rounds.`;
  return [
    `## ${result.title}`,
    '',
    `${result.about} ${how} ${date}, ${Math.round(seconds)} s, ${load}Parley ${result.machine.versions['Parley'] ?? '-'}. (\`${result.name}\`)`,
    '',
    row(['', ...units, 'busiest']),
    row(['---', ...units.map(() => '---'), '---']),
    row([baseline, ...first, busiestOf(outcome, baseline)]),
    ...sides.map((side) => row([side, ...metrics.map((metric) => cell(figure(side, metric))), busiestOf(outcome, side)])),
    ...absent.map(({ side, reason }) => row([side, ...metrics.map((_, i) => (i === 0 ? `- (${reason})` : '-')), '-'])),
    '',
    ...(plotted(outcome).figures.length > 0 ? [`![${result.title}: ratios](plots/${result.name}.svg)`, ''] : []),
    ...outcome.remarks.map((remark) => `- ${remark}`),
    ...(outcome.remarks.length > 0 ? [''] : []),
  ];
}

function cell(figure: Figure | undefined): string {
  if (figure === undefined) return '-';
  return hasRatio(figure) ? `${rangeText(figure.ours)} **${figure.ratio.median.toFixed(2)} x**` : rangeText(figure.ours);
}

/** A baseline of nothing has no ratio; JSON makes null of it. */
function hasRatio({ ratio, baseline }: Figure): boolean {
  return Number.isFinite(ratio.median) && baseline.median !== 0;
}

function metricsOf(figures: readonly Figure[]): string[] {
  return [...new Set(figures.map((figure) => figure.metric))];
}

/** By the median over the runs. */
function busiestOf(outcome: Outcome, side: string): string {
  const runs = outcome.runs.filter((run) => run.side === side).flatMap(({ shares }) => (shares === undefined ? [] : [shares]));
  const names = [...new Set(runs.flatMap((shares) => Object.keys(shares)))];
  if (names.length === 0) return '-';
  const median = (name: string) =>
    quantile(
      runs.map((shares) => shares[name] ?? 0).sort((a, b) => a - b),
      0.5,
    );
  return busiest(Object.fromEntries(names.map((name) => [name, median(name)])));
}
