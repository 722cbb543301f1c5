import { randomBytes } from 'node:crypto';
import { type RandomlyNamedKind, ROOM_KINDS } from '#libs/protocol/room-kinds.ts';
import type { RoomStore } from '#libs/store/room-store.ts';
import type { Notifier } from './notices.ts';

/** Dependencies of `RoomLifecycle`. */
export interface RoomLifecycleOptions {
  readonly rooms: Pick<RoomStore, 'close' | 'withMembers'>;
  readonly notifier: Pick<Notifier, 'closed'>;
  /** Drops the job that would close the room. Never rejects. */
  readonly forgetExpiry: (room: string) => Promise<void>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** Closes managed rooms before their time. */
export class RoomLifecycle {
  readonly #options: RoomLifecycleOptions;

  constructor(options: RoomLifecycleOptions) {
    this.#options = options;
  }

  /**
   * Closes the room, once over all processes. True for the one call that did it, which also signals
   * gateways. Frees a pair.
   */
  async close(room: string): Promise<boolean> {
    const { rooms, notifier, forgetExpiry, now } = this.#options;
    // Reads the members first: a closed room may lose them.
    const found = await rooms.withMembers(room);
    if (found === undefined || !(await rooms.close(room, 'closed', now()))) return false;
    await notifier.closed(room, found.room.kind, found.members, 'closed');
    if (found.room.expiresAt !== undefined) await forgetExpiry(room);
    return true;
  }
}

/**
 * Random bytes of the name of a managed room: 22 characters of base64url, unique and not to be
 * guessed.
 */
const ID_BYTES = 16;

/** A fresh name for a room of this kind: `group:<22 characters>`. */
export function freshRoomName(kind: RandomlyNamedKind): string {
  return roomNameOf(kind, randomBytes(ID_BYTES));
}

/** The name of a room of this kind, made of the first 16 bytes. */
export function roomNameOf(kind: RandomlyNamedKind, bytes: Buffer): string {
  return `${ROOM_KINDS[kind].prefix}${bytes.subarray(0, ID_BYTES).toString('base64url')}`;
}
