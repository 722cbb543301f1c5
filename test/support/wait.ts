import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';

import { type SteadyClock, steadyClock, timeLimit } from './steady-clock.ts';

/**
 * Milliseconds that a loaded machine may add to a time which a rule promises. The promise is the hub's; the test, its clients and Redis
 * stand in line for the same few cores. What the machine stood still is not measured at all (`SteadyClock`).
 */
export const MACHINE_MS = 2000;

/** Milliseconds between two looks at the clock by `within`. */
const LOOK_MS = 50;

export interface UntilOptions {
  /** Milliseconds until it gives up. Default 30,000: a loaded machine is no failure. Begins anew after a stall of the machine. */
  readonly timeoutMs?: number;
  /** What was waited for, for the failure's message; called at the end, so that it can tell the state then. */
  readonly describe?: string | (() => string);
  /** Milliseconds between two looks. Default 25. */
  readonly everyMs?: number;
  /** Default: the one of the process. */
  readonly clock?: SteadyClock;
}

/**
 * Waits until a condition holds: the first value that is neither `undefined`, `null` nor `false`.
 * A condition that throws counts as not yet met; the last error is the cause of the failure.
 * When the time is over it looks once more after a turn of the event loop: after a stall timers run before what came meanwhile is read.
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

/** Rejects when `promise` takes longer than `timeoutMs`; what it was is told in the message. Measures as `until` does. */
export async function within<T>(timeoutMs: number, what: string, promise: Promise<T>, clock: SteadyClock = steadyClock): Promise<T> {
  let looking: NodeJS.Timeout | undefined;
  const over = timeLimit(timeoutMs, clock);
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_, reject) => {
        looking = setInterval(() => {
          // The turn lets a promise win whose event was there already.
          if (over()) setImmediate(() => reject(new Error(`not within ${timeoutMs} ms: ${what}`)));
        }, LOOK_MS);
      }),
    ]);
  } finally {
    clearInterval(looking);
  }
}
