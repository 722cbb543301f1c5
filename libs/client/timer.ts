/** Time, passed in so that tests own it. */
export interface Clock {
  /** The wall clock, Unix milliseconds. It may be set. */
  now(): number;
  /** A clock that nobody sets, milliseconds. It may stand still while the machine sleeps. */
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

/** HTML fires longer timers at once: 24 days, milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

/** One timer of at most 24 days. A second `start` replaces the first. */
export class Timer {
  readonly #clock: Clock;
  readonly #callback: () => void;
  #handle: unknown;
  #due: number | undefined;

  constructor(clock: Clock, callback: () => void) {
    this.#clock = clock;
    this.#callback = callback;
  }

  /** When it fires, milliseconds of the steady clock. Undefined if it is not running. */
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
