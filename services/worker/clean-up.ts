import { CleanUpTask, type JobHandler } from '#libs/jobs/jobs.ts';
import type { UpkeepStore } from '#libs/store/store.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { ExpirySweep } from './expiry-sweep.ts';
import type { StreamSweep } from './stream-sweep.ts';

export interface CleanUpOptions {
  readonly expiry: ExpirySweep;
  readonly streams: StreamSweep;
  readonly upkeep: UpkeepStore;
  /** Pairs those who wait, and gives waiting conversations to agents. */
  readonly waiting: () => Promise<void>;
  /** `HISTORY_DAYS`. 0: kept for ever. */
  readonly historyDays: number;
  readonly log: Logger;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** Does what comes round: see `CleanUpTask`. */
export function cleanUp(options: CleanUpOptions): JobHandler<'clean-up'> {
  return async ({ payload: { task } }) => {
    switch (task) {
      case CleanUpTask.overdue:
        await options.expiry.overdue();
        break;
      case CleanUpTask.restore:
        await options.expiry.restore();
        break;
      case CleanUpTask.streams:
        await options.streams.run();
        break;
      case CleanUpTask.waiting:
        await options.waiting();
        break;
      case CleanUpTask.upkeep:
        await upkeep(options);
        break;
    }
    return undefined;
  };
}

async function upkeep({ upkeep: store, historyDays, log, now }: CleanUpOptions): Promise<void> {
  const at = now();
  await store.ensurePartitions(at);
  const messages = await store.dropHistory(historyDays, at);
  const expired = await store.dropExpired(at);
  const rooms = await store.dropClosedRooms(at);
  if (messages + expired + rooms > 0) log.info({ messages, expired, rooms }, 'old rows dropped');
}
