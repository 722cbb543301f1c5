import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';

import { type SteadyClock, steadyClock, timeLimit } from './steady-clock.ts';

/**
 * Milliseconds that a loaded machine may add to a promised time. The promise is the hub's, but the
 * test, its clients and Redis share the same few cores. Stalls of the machine are not measured
 * (`SteadyClock`).
 */
export const MACHINE_MS = 2000;

/** Milliseconds between two checks of the clock by `within`. */
const LOOK_MS = 50;

/** Options of `until`. */
export interface UntilOptions {
  /**
   * Milliseconds until it gives up. Default 30,000: a loaded machine is no failure. Starts again
   * after a stall of the machine.
   */
  readonly timeoutMs?: number;
  /**
   * The awaited condition, for the message of a failure. A function is called at the end, so that
   * it can describe the state then.
   */
  readonly describe?: string | (() => string);
  /** Milliseconds between two checks. Default 25. */
  readonly everyMs?: number;
  /** Default: the clock of the process. */
  readonly clock?: SteadyClock;
}

/**
 * Waits until a condition holds and returns the first value that is not `undefined`, `null` or
 * `false`. A condition that throws does not hold; the last error is the cause of the failure. At
 * the end it checks once more after a turn of the event loop: after a stall, timers run before
 * waiting input is read.
 */
export async function until<T>(condition: () => T | Promise<T>, options: UntilOptions = {}): Promise<Exclude<T, undefined | null | false>> {
  const { timeoutMs = 30_000, everyMs = 25 } = options;
  const over = timeLimit(timeoutMs, options.clock);
  let last: unknown;
  let lastLook = false;
  for (;;) {
    try {
      const value = await condition();
      if (value !== undefined && value !== null && value !== false) return value as Exclude<T, undefined | null | false>;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (!over()) {
      lastLook = false;
      await delay(everyMs);
    } else if (lastLook) {
      const what = typeof options.describe === 'function' ? options.describe() : (options.describe ?? condition.toString());
      throw new Error(`not within ${timeoutMs} ms: ${what}`, last === undefined ? undefined : { cause: last });
    } else {
      lastLook = true;
      await turn();
    }
  }
}

/**
 * Rejects if `promise` takes longer than `timeoutMs`. The message names it. Measures as `until`
 * does.
 */
export async function within<T>(timeoutMs: number, what: string, promise: Promise<T>, clock: SteadyClock = steadyClock): Promise<T> {
  let looking: NodeJS.Timeout | undefined;
  const over = timeLimit(timeoutMs, clock);
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_, reject) => {
        looking = setInterval(() => {
          // After this turn, a promise whose event has already arrived wins.
          if (over()) setImmediate(() => reject(new Error(`not within ${timeoutMs} ms: ${what}`)));
        }, LOOK_MS);
      }),
    ]);
  } finally {
    clearInterval(looking);
  }
}
