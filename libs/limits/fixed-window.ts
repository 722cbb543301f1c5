export interface FixedWindowOptions {
  /** Takes in one window; 0: no limit. */
  readonly limit: number;
  readonly windowMs: number;
  /** Keys remembered at once; beyond it the one whose window began first is forgotten. Default 100,000. */
  readonly maxKeys?: number;
}

/** Counts takes for each key in windows that begin with the first take. Memory is bounded; nothing runs in the background. */
export class FixedWindow {
  readonly #options: FixedWindowOptions;
  /** In the order in which the windows began. */
  readonly #windows = new Map<string, { readonly startedAt: number; count: number }>();

  constructor(options: FixedWindowOptions) {
    this.#options = options;
  }

  /** Takes one. 0 where it was granted, otherwise the seconds until the next window (at least 1). `now` is in milliseconds and never goes back. */
  take(key: string, now: number): number {
    const { limit, windowMs, maxKeys = 100_000 } = this.#options;
    if (limit === 0) return 0;
    let window = this.#windows.get(key);
    if (!window || now - window.startedAt >= windowMs) {
      this.#windows.delete(key);
      window = { startedAt: now, count: 0 };
      this.#windows.set(key, window);
      this.#forget(now - windowMs, maxKeys);
    }
    if (window.count >= limit) return Math.max(1, Math.ceil((window.startedAt + windowMs - now) / 1000));
    window.count++;
    return 0;
  }

  /**
   * Gives back a take that was granted at `takenAt`: it did not count after all. Nothing happens once its window is over: the takes of the next one are
   * others. With a limit of 2, two takes at 59 s that come back at 61 s leave a window that began at 60 s as it is.
   */
  giveBack(key: string, takenAt: number): void {
    const window = this.#windows.get(key);
    if (window !== undefined && window.startedAt <= takenAt && window.count > 0) window.count -= 1;
  }

  #forget(before: number, maxKeys: number): void {
    for (const [key, { startedAt }] of this.#windows) {
      if (startedAt > before && this.#windows.size <= maxKeys) return;
      this.#windows.delete(key);
    }
  }
}
