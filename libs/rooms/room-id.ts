import { randomBytes } from 'node:crypto';
import { type RandomlyNamedKind, ROOM_KINDS } from '#libs/protocol/room-kinds.ts';

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
