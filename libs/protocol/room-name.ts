/** Names of rooms: what is a name (R1), and what kind of room a name stands for (R2, R3). */
import { ROOM_NAME_MAX } from './limits.ts';

export const RoomKind = {
  /** `park`: public, always there. */
  park: 'park',
  /** `group:`, `pair:`, `conv:`, `dm:`: made by the hub, only members enter. */
  made: 'made',
  /** Any other name: exists while someone is in it. */
  open: 'open',
  /** An open room named `live:...`, which keeps nothing. */
  live: 'live',
} as const;
export type RoomKind = (typeof RoomKind)[keyof typeof RoomKind];

const NAME = new RegExp(`^[A-Za-z0-9._~\\-,:]{1,${ROOM_NAME_MAX}}$`);
const MADE = /^(?:group|pair|conv|dm):/;

/** R5: messages of these reach every session of each member, without `join`. */
const PRIVATE = /^(?:pair|conv|dm):/;

export function isPrivateRoom(name: string): boolean {
  return PRIVATE.test(name);
}

/** Whether the hub makes rooms of such names (R2). */
export function isMadeRoom(name: string): boolean {
  return MADE.test(name);
}

/** R1: 1-128 of `A-Z a-z 0-9 . _ ~ - , :`. */
export function isRoomName(name: string): boolean {
  return NAME.test(name);
}

/** The kind of a valid room name. */
export function roomKind(name: string): RoomKind {
  if (name === 'park') return RoomKind.park;
  if (name.startsWith('live:')) return RoomKind.live;
  return isMadeRoom(name) ? RoomKind.made : RoomKind.open;
}
