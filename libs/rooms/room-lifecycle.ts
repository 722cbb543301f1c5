import type { RoomStore } from '#libs/store/room-store.ts';
import type { Notifier } from './notifier.ts';

export interface RoomLifecycleOptions {
  readonly rooms: Pick<RoomStore, 'close' | 'withMembers'>;
  readonly notices: Pick<Notifier, 'closed'>;
  /** The room's job is not needed any more. Never rejects. */
  readonly forgetExpiry: (room: string) => Promise<void>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** Ends made rooms before their time. */
export class RoomLifecycle {
  readonly #options: RoomLifecycleOptions;

  constructor(options: RoomLifecycleOptions) {
    this.#options = options;
  }

  /** Closes once, over all processes: true for the call that did it, which has told the members. Frees a pair. */
  async close(room: string): Promise<boolean> {
    const { rooms, notices, forgetExpiry, now } = this.#options;
    // Who is to be told is read before: a closed room may forget its members.
    const found = await rooms.withMembers(room);
    if (found === undefined || !(await rooms.close(room, 'closed', now()))) return false;
    await notices.closed(room, found.room.kind, found.members, 'closed');
    if (found.room.expiresAt !== undefined) await forgetExpiry(room);
    return true;
  }
}
