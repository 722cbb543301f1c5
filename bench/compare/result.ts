import type { Outcome } from '#bench/scenarios/outcome.ts';
import type { Machine } from './machine.ts';

/** A side that is not in a scenario, and why. */
export interface Absent {
  readonly side: string;
  readonly reason: string;
}

/** One scenario as it was measured. */
export interface Result {
  readonly name: string;
  readonly title: string;
  readonly about: string;
  /** The label of the side that the ratios are to. */
  readonly baseline: string;
  readonly outcome: Outcome;
  readonly absent: readonly Absent[];
  /** Once and briefly. */
  readonly quick: boolean;
  readonly rounds: number;
  /** How long it took. */
  readonly seconds: number;
  /** The day, as in `2026-01-31`. */
  readonly date: string;
  readonly machine: Machine;
  /** Processes that were running or waiting in the minute before: other work, which costs time. */
  readonly loadBefore?: number;
}
