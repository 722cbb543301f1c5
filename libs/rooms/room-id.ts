import { randomBytes } from 'node:crypto';
import type { MadeRoomKind } from '#libs/store/store.ts';

/** Bytes of randomness in the name of a made room: 22 characters of base64url, not to be guessed and not to be met twice. */
const ID_BYTES = 16;

/** A fresh name for a room of this kind: `group:<22 characters>`. Direct rooms have no fresh names: theirs follow from the two users. */
export function freshRoomName(kind: Exclude<MadeRoomKind, 'dm'>): string {
  return `${kind}:${randomBytes(ID_BYTES).toString('base64url')}`;
}
