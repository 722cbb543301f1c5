import { setTimeout as delay } from 'node:timers/promises';

/**
 * Milliseconds that a loaded machine may add to a time which a rule promises. The promise is the hub's; the test, its clients and Redis
 * stand in line for the same few cores.
 */
export const MACHINE_MS = 2000;

export interface UntilOptions {
  /** Milliseconds until it gives up. Default 30,000: a loaded machine is no failure. */
  readonly timeoutMs?: number;
  /** What was waited for, for the failure's message; called at the end, so that it can tell the state then. */
  readonly describe?: string | (() => string);
  /** Milliseconds between two looks. Default 25. */
  readonly everyMs?: number;
}

/**
 * Waits until a condition holds: the first value that is neither `undefined`, `null` nor `false`.
 * A condition that throws counts as not yet met; the last error is the cause of the failure.
 */
export async function until<T>(condition: () => T | Promise<T>, options: UntilOptions = {}): Promise<Exclude<T, undefined | null | false>> {
  const { timeoutMs = 30_000, everyMs = 25 } = options;
  const end = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value !== undefined && value !== null && value !== false) return value as Exclude<T, undefined | null | false>;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= end) {
      const what = typeof options.describe === 'function' ? options.describe() : (options.describe ?? condition.toString());
      throw new Error(`not within ${timeoutMs} ms: ${what}`, last === undefined ? undefined : { cause: last });
    }
    await delay(everyMs);
  }
}

/** Rejects when `promise` takes longer than `timeoutMs`; what it was is told in the message. */
export async function within<T>(timeoutMs: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`not within ${timeoutMs} ms: ${what}`)), timeoutMs);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}
