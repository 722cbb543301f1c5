import type { Broker } from '#libs/broker/broker.ts';
import { failPoint } from '#libs/config/fail-point.ts';
import type { JobHandler } from '#libs/jobs/jobs.ts';
import { Notifier } from '#libs/rooms/notifier.ts';
import type { RoomStore } from '#libs/store/room-store.ts';

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
