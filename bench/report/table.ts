import type { Spread } from '#bench/measure/stats.ts';
import { type Figure, type Goal, keepsGoal, type Outcome } from '#bench/scenarios/outcome.ts';

/** The figures as a Markdown table, medians with their range. */
export function markdownTable(outcomes: readonly Outcome[]): string {
  const head = [
    '| scenario | Parley | figure | Parley (range) | baseline (range) | ratio (range) | goal | |',
    '|---|---|---|---|---|---|---|---|',
  ];
  const rows = outcomes.flatMap((outcome) => outcome.figures).map((figure) => `| ${row(figure).join(' | ')} |`);
  return [...head, ...rows].join('\n');
}

/** The text of a goal, e.g. `<= 1.15 x`. Empty for none. */
function goalText(goal: Goal, unit: string): string {
  if (goal.kind === 'none') return '';
  return `${goal.kind === 'at-most' ? '<=' : '>='} ${goal.value} ${goal.of === 'ratio' ? 'x' : unit}`;
}

function row(figure: Figure): string[] {
  const kept = keepsGoal(figure);
  return [
    figure.scenario,
    figure.side,
    `${figure.metric}, ${figure.unit}`,
    rangeText(figure.ours),
    rangeText(figure.baseline),
    rangeText(figure.ratio),
    goalText(figure.goal, figure.unit),
    kept === undefined ? '' : kept ? 'kept' : 'MISSED',
  ];
}

/** A median, and its range if there was more than one run. */
export function rangeText(values: Spread): string {
  // What never happened has no time; JSON makes null of it.
  if (!Number.isFinite(values.median)) return '-';
  return values.runs === 1 ? short(values.median) : `${short(values.median)} (${short(values.min)}-${short(values.max)})`;
}

function short(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2);
}
