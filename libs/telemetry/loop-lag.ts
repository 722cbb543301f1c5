/** The delay of the event loop: how late a timer is. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/**
 * Milliseconds between two samples. Node adds this time to each delay; `percentile` subtracts it.
 */
const RESOLUTION_MS = 20;

/** Samples the delay from construction until `stop`. */
export class LoopLag {
  readonly #histogram: IntervalHistogram;

  constructor() {
    this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#histogram.enable();
  }

  /** A percentile (above 0, at most 100) of the delays since the last `reset`, seconds. 0 if there are none. */
  percentile(percent: number): number {
    const nanoseconds = this.#histogram.percentile(percent);
    return Number.isNaN(nanoseconds) ? 0 : Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1e3);
  }

  /** Forgets the delays so far. */
  reset(): void {
    this.#histogram.reset();
  }

  /** Stops sampling. */
  stop(): void {
    this.#histogram.disable();
  }
}
