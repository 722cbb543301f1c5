/** A median with its range: every figure of the bench has this form. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Number of runs. */
  readonly runs: number;
}

/**
 * Median and range of the runs.
 * @throws RangeError without a single run.
 */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const min = sorted[0];
  const max = sorted.at(-1);
  if (min === undefined || max === undefined) throw new RangeError('no runs to take a median of');
  return { median: quantile(sorted, 0.5), min, max, runs: sorted.length };
}

/** The q-quantile (0-1) of values in ascending order, interpolated. NaN for no values. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)];
  const high = sorted[Math.ceil(at)];
  if (low === undefined || high === undefined) return Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

/**
 * `ours / theirs`, run by run. Neighbours in time are compared, so a slow drift of the machine
 * cancels out.
 * @throws RangeError if the runs do not pair up.
 */
export function ratios(ours: readonly number[], theirs: readonly number[]): number[] {
  if (ours.length !== theirs.length) throw new RangeError(`${ours.length} runs cannot be paired with ${theirs.length}`);
  return ours.map((value, i) => value / (theirs[i] ?? Number.NaN));
}

/**
 * The highest rate that passes. The rate doubles until one fails, then the gap is halved to
 * `precision` (0-1) of the last good rate. Each rate has two tries, since a shared machine may
 * pause once.
 * @returns 0 if `start` fails.
 */
export async function highestRate(
  start: number,
  limit: number,
  precision: number,
  passes: (rate: number) => Promise<boolean>,
): Promise<number> {
  const twice = async (rate: number) => (await passes(rate)) || (await passes(rate));
  let good = 0;
  let bad = start;
  while (bad <= limit && (await twice(bad))) {
    good = bad;
    bad *= 2;
  }
  while (good > 0 && bad <= limit && bad - good > good * precision) {
    const middle = Math.round((good + bad) / 2);
    if (await twice(middle)) good = middle;
    else bad = middle;
  }
  return good;
}
