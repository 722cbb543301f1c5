import { type Clock, Timer } from './timer.ts';

/** Runs jobs in order, no faster than the hub accepts frames (F3). */
export class RateLimiter {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #timer: Timer;
  #jobs: (() => boolean)[] = [];
  #tokens: number;
  #stamp: number;

  /** `perSecond` 0: no limit. */
  constructor(clock: Clock, { perSecond, burst }: { readonly perSecond: number; readonly burst: number }) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#stamp = clock.steady();
    this.#timer = new Timer(clock, () => this.#go());
  }

  /** Whether no job waits. */
  get idle(): boolean {
    return this.#jobs.length === 0;
  }

  /** Runs a job in its turn, at once if none waits. A job returns whether it sent a frame. */
  run(job: () => boolean): void {
    if (this.#perSecond === 0) {
      job();
      return;
    }
    this.#jobs.push(job);
    if (this.#timer.due === undefined) this.#go();
  }

  /** Drops the waiting jobs. */
  clear(): void {
    this.#jobs = [];
    this.#timer.stop();
  }

  #go(): void {
    const now = this.#clock.steady();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#stamp) * this.#perSecond) / 1000);
    this.#stamp = now;
    while (this.#tokens >= 1) {
      const job = this.#jobs.shift();
      if (job === undefined) return;
      if (job()) this.#tokens -= 1;
    }
    if (this.#jobs.length > 0) this.#timer.start(Math.ceil(((1 - this.#tokens) * 1000) / this.#perSecond));
  }
}
