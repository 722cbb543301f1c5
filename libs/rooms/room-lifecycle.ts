import { randomBytes } from 'node:crypto';
import { type RandomlyNamedKind, ROOM_KINDS } from '#libs/protocol/room-kinds.ts';
import type { RoomStore } from '#libs/store/room-store.ts';
import type { Notifier } from './notices.ts';

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

/** Bytes of randomness in the name of a managed room: 22 characters of base64url, not to be guessed and not to be met twice. */
const ID_BYTES = 16;

/** A fresh name for a room of this kind: `group:<22 characters>`. */
export function freshRoomName(kind: RandomlyNamedKind): string {
  return roomNameOf(kind, randomBytes(ID_BYTES));
}

/** The name of a room of this kind by the first 16 of these bytes. */
export function roomNameOf(kind: RandomlyNamedKind, bytes: Buffer): string {
  return `${ROOM_KINDS[kind].prefix}${bytes.subarray(0, ID_BYTES).toString('base64url')}`;
}
