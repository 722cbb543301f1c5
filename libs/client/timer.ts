/** Time, passed in so that tests own it. */
export interface Clock {
  /** The wall clock, Unix milliseconds: somebody may set it. */
  now(): number;
  /** Milliseconds of a clock that nobody sets; it may stand still while the machine sleeps. */
  steady(): number;
  setTimeout(callback: () => void, milliseconds: number): unknown;
  clearTimeout(timer: unknown): void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  steady: () => performance.now(),
  setTimeout: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clearTimeout: (timer) => clearTimeout(timer as number),
};

/** Longer ones strike at once, says HTML: 24 days, milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

/** One thing that happens later, at most 24 days: started again, it replaces what was to come. */
export class Timer {
  readonly #clock: Clock;
  readonly #callback: () => void;
  #handle: unknown;
  #due: number | undefined;

  constructor(clock: Clock, callback: () => void) {
    this.#clock = clock;
    this.#callback = callback;
  }

  /** When it strikes, milliseconds of the steady clock; undefined if it is not running. */
  get due(): number | undefined {
    return this.#due;
  }

  start(milliseconds: number): void {
    this.stop();
    this.#due = this.#clock.steady() + milliseconds;
    this.#handle = this.#clock.setTimeout(
      () => {
        this.#due = undefined;
        this.#callback();
      },
      Math.min(milliseconds, LONGEST_MS),
    );
  }

  stop(): void {
    if (this.#due === undefined) return;
    this.#clock.clearTimeout(this.#handle);
    this.#due = undefined;
  }
}
