/** The clock and the timers. Tests pass in their own. */
export interface Timers {
  /** Unix milliseconds. */
  now(): number;
  /** Calls back once after this time. The returned function cancels it. */
  after(milliseconds: number, callback: () => void): () => void;
}

/** The timers of the browser. */
export const browserTimers: Timers = {
  now: () => Date.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};
