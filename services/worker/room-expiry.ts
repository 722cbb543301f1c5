import type { Broker } from '#libs/broker/broker.ts';
import { failPoint } from '#libs/config/fail-point.ts';
import { type JobHandler, type Jobs, scheduleExpiry } from '#libs/jobs/jobs.ts';
import { Notifier } from '#libs/rooms/notices.ts';
import type { RoomEnd, RoomStore } from '#libs/store/room-store.ts';

export interface RoomExpiryOptions {
  readonly rooms: Pick<RoomStore, 'withMembers' | 'close' | 'get'>;
  readonly broker: Pick<Broker, 'emit'>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/**
 * Closes a room whose time is over, and tells its members. The store closes it once, however many try; the members are told at least once: a worker that died in between
 * leaves the job, and whoever takes it finds the room closed and tells again. A room whose expiry moved on is looked at again then.
 */
export function roomExpiry({ rooms, broker, now }: RoomExpiryOptions): JobHandler<'room-expiry'> {
  return async ({ payload: { room } }) => {
    const found = await rooms.withMembers(room);
    if (found === undefined) return undefined;
    const { kind, expiresAt, closedAt, closedReason } = found.room;
    if (closedAt === undefined) {
      if (expiresAt === undefined) return undefined;
      const left = expiresAt - now();
      if (left > 0) return { again: left };
      if (!(await rooms.close(room, 'expired', now()))) {
        // Somebody else closed it at this moment, and tells; or its end moved on at this moment.
        const still = await rooms.get(room);
        return still?.closedAt === undefined && still?.expiresAt !== undefined
          ? { again: Math.max(0, still.expiresAt - now()) }
          : undefined;
      }
      failPoint('after-room-close');
    } else if (closedReason !== 'expired') {
      return undefined;
    }
    await telling(broker, (notices) => notices.closed(room, kind, found.members, 'expired'));
    return undefined;
  };
}

/** `Notices` never rejects; here the job is what tries again. @throws HubError `UNAVAILABLE` if something could not be told. */
async function telling(broker: Pick<Broker, 'emit'>, tell: (notices: Notifier) => Promise<void>): Promise<void> {
  const failures: unknown[] = [];
  const emit: Broker['emit'] = (topic, payload) => broker.emit(topic, payload).catch((error: unknown) => void failures.push(error));
  await tell(new Notifier({ broker: { emit }, wait: async () => undefined }));
  if (failures.length > 0) throw failures[0];
}

export interface ExpirySweepOptions {
  readonly rooms: Pick<RoomStore, 'overdue' | 'expiring'>;
  readonly jobs: Jobs;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** How far ahead `restore` looks, milliseconds: beyond its next turn. */
  readonly aheadMs: number;
}

/** Rooms taken at once. */
const PAGE = 500;

/** Rooms that end are known to the store; jobs are what makes it punctual. Puts right where the two differ. Several at once are harmless. */
export class ExpirySweep {
  readonly #options: ExpirySweepOptions;

  constructor(options: ExpirySweepOptions) {
    this.#options = options;
  }

  /** Has every room closed now whose time is over. */
  async overdue(): Promise<void> {
    const { rooms, jobs, now } = this.#options;
    const at = now();
    for (const room of await rooms.overdue(at, PAGE)) await scheduleExpiry(jobs, room, at, at);
  }

  /**
   * Gives rooms their jobs again that were lost: those that end soon, so that the work does not grow with all that ever will. Whatever ends later is looked
   * at in time.
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
