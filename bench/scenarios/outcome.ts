import { ratios, type Spread, spread } from '#bench/measure/stats.ts';

/** One figure of ours beside the baseline's, with its goal. */
export interface Figure {
  /** The scenario, e.g. `fan-out 1,000, one node`. */
  readonly scenario: string;
  /** Which of our sides: broker and what the room keeps. */
  readonly side: string;
  readonly metric: string;
  readonly unit: string;
  readonly ours: Spread;
  readonly baseline: Spread;
  /** Ours by theirs, round by round. */
  readonly ratio: Spread;
  readonly ratios: readonly number[];
  /** The goal of the ratio. For an absolute goal (`of: 'ours'`) that of the figure. */
  readonly goal: Goal;
}

/** A bound. `none` if a figure has no goal. */
export type Goal =
  | { readonly kind: 'at-most' | 'at-least'; readonly value: number; readonly of: 'ratio' | 'ours' }
  | { readonly kind: 'none' };

/** A figure from one value of each side for each round. */
export function compared(
  about: Pick<Figure, 'scenario' | 'side' | 'metric' | 'unit' | 'goal'>,
  ours: readonly number[],
  theirs: readonly number[],
): Figure {
  const each = ratios(ours, theirs);
  return { ...about, ours: spread(ours), baseline: spread(theirs), ratio: spread(each), ratios: each };
}

/** The result of a scenario. */
export interface Outcome {
  readonly name: string;
  readonly figures: readonly Figure[];
  /** Remarks for the reader: loss, or a load that was busier than the server. */
  readonly remarks: readonly string[];
  /** Every single run, for the results file. */
  readonly runs: readonly object[];
}

/** Whether a figure's median meets its goal; undefined without a goal. */
export function keepsGoal(figure: Figure): boolean | undefined {
  const { goal } = figure;
  if (goal.kind === 'none') return undefined;
  const value = goal.of === 'ratio' ? figure.ratio.median : figure.ours.median;
  return goal.kind === 'at-most' ? value <= goal.value : value >= goal.value;
}

/** How a scenario is run. */
export interface Pace {
  /** Once and briefly. */
  readonly quick: boolean;
  /** Rounds of A and B where not quick. */
  readonly rounds: number;
  /** Takes the progress, as text. */
  readonly say: (line: string) => void;
}
