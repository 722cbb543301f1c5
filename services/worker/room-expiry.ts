import type { Broker } from '#libs/broker/broker.ts';
import { failPoint } from '#libs/config/fail-point.ts';
import { type JobHandler, type Jobs, scheduleExpiry } from '#libs/jobs/jobs.ts';
import { Notifier } from '#libs/rooms/notices.ts';
import type { RoomEnd, RoomStore } from '#libs/store/room-store.ts';

/** Dependencies of `roomExpiry`. */
export interface RoomExpiryOptions {
  readonly rooms: Pick<RoomStore, 'withMembers' | 'close' | 'get'>;
  readonly broker: Pick<Broker, 'emit'>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/**
 * Closes a room whose time is over, and signals its members. The store closes it once, however many
 * workers try. The signal is sent at least once: if a worker dies before it, the job stays, and the
 * next worker finds the room closed and signals again. If the end of the room moved, the job runs
 * again at the new end.
 */
export function roomExpiry({ rooms, broker, now }: RoomExpiryOptions): JobHandler<'room-expiry'> {
  return async ({ payload: { room } }) => {
    const found = await rooms.withMembers(room);
    if (found === undefined) return undefined;
    const { kind, expiresAt, closedAt, closedReason } = found.room;
    if (closedAt === undefined) {
      if (expiresAt === undefined) return undefined;
      const left = expiresAt - now();
      if (left > 0) return { rerunInMs: left };
      if (!(await rooms.close(room, 'expired', now()))) {
        // Another call closed it at this moment and signals it, or its end moved at this moment.
        const still = await rooms.get(room);
        return still?.closedAt === undefined && still?.expiresAt !== undefined
          ? { rerunInMs: Math.max(0, still.expiresAt - now()) }
          : undefined;
      }
      failPoint('after-room-close');
    } else if (closedReason !== 'expired') {
      return undefined;
    }
    await sendOrThrow(broker, (notifier) => notifier.closed(room, kind, found.members, 'expired'));
    return undefined;
  };
}

/**
 * `Notifier` never rejects, but here the job is retried.
 * @throws HubError `UNAVAILABLE` if a signal was not sent.
 */
async function sendOrThrow(broker: Pick<Broker, 'emit'>, send: (notifier: Notifier) => Promise<void>): Promise<void> {
  const failures: unknown[] = [];
  const emit: Broker['emit'] = (topic, payload) => broker.emit(topic, payload).catch((error: unknown) => void failures.push(error));
  await send(new Notifier({ broker: { emit }, wait: async () => undefined }));
  if (failures.length > 0) throw failures[0];
}

/** Dependencies of `ExpirySweep`. */
export interface ExpirySweepOptions {
  readonly rooms: Pick<RoomStore, 'overdue' | 'expiring'>;
  readonly jobs: Jobs;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Milliseconds that `restore` looks ahead. More than the time to its next run. */
  readonly aheadMs: number;
}

/** Rooms of one read. */
const PAGE = 500;

/**
 * Repairs the jobs of rooms that end. The store knows the ends; the jobs make the closing punctual.
 * Several sweeps at once do no harm.
 */
export class ExpirySweep {
  readonly #options: ExpirySweepOptions;

  constructor(options: ExpirySweepOptions) {
    this.#options = options;
  }

  /** Queues a job for every room whose time is over. */
  async overdue(): Promise<void> {
    const { rooms, jobs, now } = this.#options;
    const at = now();
    for (const room of await rooms.overdue(at, PAGE)) await scheduleExpiry(jobs, room, at, at);
  }

  /**
   * Queues lost jobs again for rooms that end soon, so that the work does not grow with the number
   * of all rooms that ever end. Later rooms are handled in time.
   */
  async restore(): Promise<void> {
    const { rooms, jobs, now, aheadMs } = this.#options;
    const from = now();
    let after: RoomEnd = { room: '', expiresAt: from };
    for (;;) {
      const page = await rooms.expiring(after, from + aheadMs, PAGE);
      await Promise.all(
        page.map(({ room, expiresAt }) => jobs.add('room-expiry', { room }, { id: room, delayMs: Math.max(0, expiresAt - now()) })),
      );
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return;
      after = last;
    }
  }
}
