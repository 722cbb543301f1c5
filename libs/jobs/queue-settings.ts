/** How each queue is worked off: the same for every implementation. */
import type { QueueName } from './jobs.ts';

export interface QueueSettings {
  /** How often a job is tried before it is given up. */
  readonly attempts: number;
  /** Milliseconds before the second attempt at most; doubled for each further one, up to `backoffMaxMs`. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  /** Jobs at once in one process. */
  readonly concurrency: number;
  /** Seconds for which a done job's id is remembered, so that it is not done twice. 0: forgotten at once. */
  readonly keepDoneSeconds: number;
  /** Seconds for which a job that was given up is kept. 0: its id is free at once. */
  readonly keepFailedSeconds: number;
}

const DAY = 86_400;

export const QUEUE_SETTINGS: Readonly<Record<QueueName, QueueSettings>> = {
  // A code is good for ten minutes: about as long as these attempts last.
  mail: { attempts: 20, backoffMs: 1000, backoffMaxMs: 60_000, concurrency: 10, keepDoneSeconds: 3600, keepFailedSeconds: 14 * DAY },
  // A room may get another expiry later: its id must be free. What is given up is found again by the sweep.
  'room-expiry': { attempts: 8, backoffMs: 500, backoffMaxMs: 30_000, concurrency: 10, keepDoneSeconds: 0, keepFailedSeconds: 0 },
  // The next repetition is the retry.
  'clean-up': { attempts: 1, backoffMs: 0, backoffMaxMs: 0, concurrency: 5, keepDoneSeconds: 0, keepFailedSeconds: 0 },
};

/** Done and failed jobs that are kept at most, whatever their age. */
export const KEPT_MAX = 1000;

/** Shares of the pause that are certain, and left to chance: the retries of many jobs that failed together do not come together. */
const CERTAIN = 0.5;

/** Milliseconds to wait after so many failed attempts (from 1). `random`: from 0 to below 1. */
export function backoff(settings: Pick<QueueSettings, 'backoffMs' | 'backoffMaxMs'>, failed: number, random: number): number {
  const most = Math.min(settings.backoffMaxMs, settings.backoffMs * 2 ** Math.min(failed - 1, 30));
  return Math.round(most * (CERTAIN + (1 - CERTAIN) * random));
}

const ID_MAX = 200;

/** @throws TypeError where an id is no job's. */
export function checkJobId(id: string): void {
  if (id === '' || id.length > ID_MAX) throw new TypeError(`A job's id has 1-${ID_MAX} characters.`);
}
