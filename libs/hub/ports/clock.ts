/**
 * Time, passed in so that tests own it. Somebody may set the wall clock, forward or back: it stamps
 * what leaves the process (messages, `exp`, dates). The steady clock measures durations.
 */
export interface Clock {
  /** The wall clock, Unix milliseconds. */
  now(): number;
  /**
   * Milliseconds since some moment, of a clock that nobody sets. Comparable within this process
   * only.
   */
  steady(): number;
  /** Calls back every so many milliseconds until the returned function is called. */
  every(milliseconds: number, callback: () => void): () => void;
  /** Resolves after so many milliseconds. */
  wait(milliseconds: number): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  steady: () => performance.now(),
  every(milliseconds, callback) {
    const timer = setInterval(callback, milliseconds);
    return () => clearInterval(timer);
  },
  wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};
