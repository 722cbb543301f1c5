import type { Pace } from './outcome.ts';

/** A parsed command line: which scenarios, how often, and at which priority. */
export interface Wanted {
  /** Beginnings of names; empty for all. */
  readonly names: readonly string[];
  readonly pace: Pace;
  /** Scheduling priority of everything measured. */
  readonly nice: number;
}

/** The options of every comparison. */
export const PACE_OPTIONS = '[name...] [--quick] [--rounds=n] [--nice=n]';

/** Parses `[name...] [--quick] [--rounds=n] [--nice=n]`. Undefined if a number is none. */
export function parseWanted(words: readonly string[], defaultRounds: number): Wanted | undefined {
  const number = (name: string, otherwise: number) => {
    const option = `--${name}=`;
    const given = words.find((word) => word.startsWith(option));
    return given === undefined ? otherwise : Number(given.slice(option.length));
  };
  const rounds = number('rounds', defaultRounds);
  const nice = number('nice', 0);
  if (!Number.isInteger(rounds) || rounds < 1 || !Number.isInteger(nice)) return undefined;
  const started = performance.now();
  const seconds = () => ((performance.now() - started) / 1000).toFixed(0).padStart(5);
  return {
    names: words.filter((word) => !word.startsWith('-')),
    nice,
    pace: { quick: words.includes('--quick'), rounds, say: (line) => process.stdout.write(`${seconds()} s  ${line}\n`) },
  };
}

/** The scenarios whose names begin with one of these, in the order of these; all if there are none. */
export function chosen<S extends { readonly name: string }>(scenarios: readonly S[], names: readonly string[]): S[] {
  if (names.length === 0) return [...scenarios];
  return [...new Set(names.flatMap((begin) => scenarios.filter(({ name }) => name.startsWith(begin))))];
}
