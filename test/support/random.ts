/** Pseudo-random numbers that a seed repeats (mulberry32). */
export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed;
    this.#state = seed >>> 0;
  }

  /**
   * Uses the seed of `PARLEY_SEED`, otherwise a new one. Prints it, so that a failure can be
   * repeated.
   */
  static fromEnvironment(title: string): Random {
    const given = process.env.PARLEY_SEED;
    const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
    if (!Number.isInteger(seed)) throw new RangeError('PARLEY_SEED takes a whole number');
    console.info(`${title}: PARLEY_SEED=${seed}`);
    return new Random(seed);
  }

  /** Returns a number from 0 to below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Returns a whole number from `min` to `max`, both included. */
  between(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.between(0, items.length - 1)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }
}
