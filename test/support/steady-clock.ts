/** Milliseconds between two ticks; the machine is asked for no more than this. */
const TICK_MS = 50;
/** What one gap is charged at most, milliseconds: four ticks, as a loaded machine makes of one. */
const CHARGE_MS = 200;
/** A gap longer than this is a stall: it may have outlasted a lease, a time-out or a beat of the hub. */
const STALL_MS = 1000;

/**
 * A clock that stands still while the machine does. What a promise of so many seconds is measured with: of a gap between two readings it counts
 * 200 ms at most, the rest is time that nobody here could have done anything in, neither the test nor the hub.
 *
 * It has to be read often to be right; the one of this process (`steadyClock`) reads itself every 50 ms.
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

  /** Milliseconds passed since it was made. Never goes back. */
  now(): number {
    const at = this.#read();
    const gap = at - this.#last;
    this.#last = at;
    this.#passed += Math.min(gap, CHARGE_MS);
    if (gap > STALL_MS) this.#stalls += 1;
    return this.#passed;
  }

  /** Gaps of more than a second up to the last reading. */
  get stalls(): number {
    return this.#stalls;
  }
}

/** This process's own. */
export const steadyClock = new SteadyClock(performance.now.bind(performance));
setInterval(() => steadyClock.now(), TICK_MS).unref();

/** Milliseconds since it was started, without what the machine stood still. */
export function stopwatch(clock: SteadyClock = steadyClock): () => number {
  const start = clock.now();
  return () => clock.now() - start;
}

/**
 * A time limit on a steady clock: whether it is over, at each call. After a stall it begins anew: leases ran out in it, and the hub has
 * the whole of its promised time to put that right.
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
