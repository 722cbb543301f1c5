import { CleanUpTask, type JobHandler } from '#libs/jobs/jobs.ts';
import { ROOM_KINDS } from '#libs/protocol/room-kinds.ts';
import type { Notifier } from '#libs/rooms/notices.ts';
import type { RoomLifecycle } from '#libs/rooms/room-lifecycle.ts';
import type { ConversationStore } from '#libs/store/conversation-store.ts';
import type { UpkeepStore } from '#libs/store/store.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { ExpirySweep } from './room-expiry.ts';
import type { StreamSweep } from './stream-sweep.ts';

/** Dependencies of `cleanUp`. */
export interface CleanUpOptions {
  readonly expiry: ExpirySweep;
  readonly streams: StreamSweep;
  readonly upkeep: UpkeepStore;
  readonly conversations: Pick<ConversationStore, 'silent'>;
  readonly lifecycle: Pick<RoomLifecycle, 'close'>;
  readonly notifier: Pick<Notifier, 'membership'>;
  /** Pairs waiting users, and assigns waiting conversations to agents. */
  readonly waiting: () => Promise<void>;
  /** `HISTORY_DAYS`. 0: history is kept for ever. */
  readonly historyDays: number;
  readonly log: Logger;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** Milliseconds without a message after which a conversation is closed. */
const CONVERSATION_SILENT_MS = ROOM_KINDS.conv.limits.silentDays * 86_400_000;
/** Most conversations closed by one run. The next one closes the others. */
const CONVERSATIONS_AT_ONCE = 500;

/** Handles the periodic tasks: see `CleanUpTask`. */
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
      default:
        return task satisfies never;
    }
    return undefined;
  };
}

async function upkeep(options: CleanUpOptions): Promise<void> {
  const { upkeep: store, notifier, historyDays, log, now } = options;
  const at = now();
  await store.ensurePartitions(at);
  const messages = await store.dropHistory(historyDays, at);
  const expired = await store.dropExpired(at);
  const silent = await store.dropSilentRooms(historyDays, at);
  // A gateway may still know the room: the next message then makes it again.
  for (const { room, members } of silent) await notifier.membership(room, members);
  const rooms = silent.length + (await store.dropClosedRooms(at));
  if (messages + expired + rooms > 0) log.info({ messages, expired, rooms }, 'old rows dropped');
  const closed = await closeSilent(options, at);
  if (closed > 0) log.info({ closed }, 'silent conversations closed');
}

/**
 * Closes conversations that nobody ended, as if a member had done it, so that members are notified.
 */
async function closeSilent({ conversations, lifecycle }: CleanUpOptions, at: number): Promise<number> {
  let closed = 0;
  for (const room of await conversations.silent(at - CONVERSATION_SILENT_MS, CONVERSATIONS_AT_ONCE))
    if (await lifecycle.close(room)) closed += 1;
  return closed;
}
