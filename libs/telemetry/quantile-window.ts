/** A quantile of what histograms recorded lately. */
import type { Timing } from './timing-histogram.ts';

/**
 * Reads a quantile over several series together, for a report to people. Between two bounds of a
 * bucket it interpolates, as Prometheus's `histogram_quantile` does.
 */
export class QuantileWindow {
  readonly #timings: readonly Timing[];
  readonly #quantile: number;
  #before: Float64Array;

  /**
   * @param timings Series of one histogram.
   * @param quantile 0 to 1.
   */
  constructor(timings: readonly Timing[], quantile: number) {
    this.#timings = timings;
    this.#quantile = quantile;
    this.#before = this.#counts();
  }

  /**
   * Returns the quantile in seconds of what was recorded since the last call; null if nothing was.
   * Above the highest bound it is that bound.
   */
  next(): number | null {
    const counts = this.#counts();
    const recorded = counts.map((count, bucket) => count - (this.#before[bucket] ?? 0));
    this.#before = counts;
    const bounds = this.#timings[0]?.bounds ?? new Float64Array();
    const total = recorded.reduce((sum, count) => sum + count, 0);
    if (total === 0) return null;
    let rank = this.#quantile * total;
    for (const [bucket, count] of recorded.entries()) {
      const upper = bounds[bucket];
      if (upper === undefined) break;
      if (rank <= count) {
        const lower = bounds[bucket - 1] ?? 0;
        return lower + (upper - lower) * (count === 0 ? 1 : rank / count);
      }
      rank -= count;
    }
    return bounds.at(-1) ?? null;
  }

  #counts(): Float64Array {
    const [first, ...others] = this.#timings.map((timing) => timing.counts());
    return others.reduce((sum, counts) => sum.map((count, bucket) => count + (counts[bucket] ?? 0)), first ?? new Float64Array());
  }
}
