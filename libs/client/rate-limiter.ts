import { type Clock, Timer } from './timer.ts';

/** Sends no faster than the hub takes frames (F3), in order. */
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

  /** Nothing waits: a job would run at once. */
  get idle(): boolean {
    return this.#jobs.length === 0;
  }

  /** Runs a job when its turn comes, at once where nothing waits. A job says whether it sent anything. */
  run(job: () => boolean): void {
    if (this.#perSecond === 0) {
      job();
      return;
    }
    this.#jobs.push(job);
    if (this.#timer.due === undefined) this.#go();
  }

  /** Forgets what waits. */
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
