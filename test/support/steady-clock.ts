/** Milliseconds between two ticks: the most that a test asks of the machine. */
const TICK_MS = 50;
/** The most milliseconds that one gap counts: four ticks, as a loaded machine joins to one. */
const CHARGE_MS = 200;
/** A longer gap is a stall: it may have outlasted a lease, a time-out or a beat of the hub. */
const STALL_MS = 1000;

/**
 * A clock that stops while the machine stalls, to measure promises in seconds. It counts at most
 * 200 ms of a gap between two readings: in the rest neither the test nor the hub could run.
 *
 * It must be read often. The one of this process (`steadyClock`) reads itself every 50 ms.
 */
export class SteadyClock {
  readonly #read: () => number;
  #last: number;
  #passed = 0;
  #stalls = 0;

  /** @param read Milliseconds of a clock that never goes back. */
  constructor(read: () => number) {
    this.#read = read;
    this.#last = read();
  }

  /** Milliseconds since it was made. Never goes back. */
  now(): number {
    const at = this.#read();
    const gap = at - this.#last;
    this.#last = at;
    this.#passed += Math.min(gap, CHARGE_MS);
    if (gap > STALL_MS) this.#stalls += 1;
    return this.#passed;
  }

  /** The number of gaps above a second so far. */
  get stalls(): number {
    return this.#stalls;
  }
}

/** The clock of this process. */
export const steadyClock = new SteadyClock(performance.now.bind(performance));
setInterval(() => steadyClock.now(), TICK_MS).unref();

/** Returns a stopwatch: the milliseconds since now, without stalls of the machine. */
export function stopwatch(clock: SteadyClock = steadyClock): () => number {
  const start = clock.now();
  return () => clock.now() - start;
}

/**
 * Returns a time limit on a steady clock: each call tells whether it is over. It starts again after
 * a stall: leases expired in it, and the hub has its whole promised time to repair that.
 */
export function timeLimit(milliseconds: number, clock: SteadyClock = steadyClock): () => boolean {
  let start = clock.now();
  let { stalls } = clock;
  return () => {
    const now = clock.now();
    if (clock.stalls !== stalls) {
      start = now;
      ({ stalls } = clock);
    }
    return now - start >= milliseconds;
  };
}
