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

/** One run of one side. */
export interface SideRun {
  readonly side: string;
  /** Share of a core (0-1) that each process used, by name, if it was measured. */
  readonly shares?: Readonly<Record<string, number>>;
}

/** The result of a scenario. */
export interface Outcome {
  readonly name: string;
  readonly figures: readonly Figure[];
  /** Remarks for the reader: loss, or a load that was busier than the server. */
  readonly remarks: readonly string[];
  /** Every single run, for the results file. */
  readonly runs: readonly SideRun[];
}

/** A figure to take from the runs: its name, its unit, and the value of one run. */
export interface Measure<R> {
  readonly metric: string;
  readonly unit: string;
  readonly take: (run: R) => number;
  readonly goal?: Goal;
}

/** The figures of every side but the first, which is the baseline. */
export function figuresOf<R extends SideRun>(
  scenario: string,
  sides: readonly { readonly label: string }[],
  runs: readonly R[],
  measures: readonly Measure<R>[],
): Figure[] {
  const of = (label: string | undefined) => runs.filter((run) => run.side === label);
  return sides
    .slice(1)
    .flatMap(({ label }) =>
      measures.map(({ metric, unit, take, goal = { kind: 'none' } }) =>
        compared({ scenario, side: label, metric, unit, goal }, of(label).map(take), of(sides[0]?.label).map(take)),
      ),
    );
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
