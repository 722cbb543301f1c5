/** The policy of each kind of room (R2, R3, R5, R6). A new kind of room is a row here. */

interface Policy {
  /** How names of these rooms begin. A kind without a colon here has one room, of this name. */
  readonly prefix: string;
  /** Messages come to every session of each member over the member's own channel, joined or not (R5). */
  readonly isPrivate?: true;
  /** The power that a user's kind needs to be in such a room (see `user-kinds.ts`). */
  readonly power: 'park' | 'rooms' | 'groups' | 'direct' | 'pairs' | 'member';
}

/** A room that the hub makes: only its members enter (R2). It keeps history, or as it was `chosen` for this room a stream only (R3). */
export interface ManagedPolicy extends Policy {
  readonly entry: 'members';
  readonly retention: 'history' | 'chosen';
  /** Members read it after its end, too, until it is dropped (A10). */
  readonly readAfterEnd?: true;
}

/** A room that needs no record: its name is enough. `everybody` may enter, or those whom a token's `rooms` claim or `OPEN_ROOMS` lets in (R2), if their kind may (R6). */
export interface NamedPolicy extends Policy {
  readonly entry: 'everybody' | 'claim';
  readonly retention: 'none' | 'stream' | 'history';
}

export type RoomPolicy = ManagedPolicy | NamedPolicy;

export const ROOM_KINDS = {
  park: { prefix: 'park', entry: 'everybody', retention: 'history', power: 'park' },
  group: { prefix: 'group:', entry: 'members', retention: 'chosen', power: 'groups' },
  pair: { prefix: 'pair:', entry: 'members', retention: 'chosen', isPrivate: true, power: 'pairs' },
  conv: { prefix: 'conv:', entry: 'members', retention: 'history', isPrivate: true, readAfterEnd: true, power: 'member' },
  dm: { prefix: 'dm:', entry: 'members', retention: 'history', isPrivate: true, power: 'direct' },
  live: { prefix: 'live:', entry: 'claim', retention: 'none', power: 'rooms' },
  /** Any other name. */
  open: { prefix: '', entry: 'claim', retention: 'stream', power: 'rooms' },
} as const satisfies Record<string, RoomPolicy>;
export type RoomKind = keyof typeof ROOM_KINDS;

/** Kinds whose rooms the hub makes. */
export type ManagedRoomKind = { [K in RoomKind]: (typeof ROOM_KINDS)[K]['entry'] extends 'members' ? K : never }[RoomKind];

/** The public room: always there. */
export const PARK = ROOM_KINDS.park.prefix;

const BY_PREFIX: ReadonlyMap<string, RoomKind> = new Map(
  Object.entries(ROOM_KINDS).map(([kind, { prefix }]) => [prefix, kind as RoomKind]),
);

/** The kind of a valid room name. */
export function roomKind(name: string): RoomKind {
  const colon = name.indexOf(':');
  return BY_PREFIX.get(colon < 0 ? name : name.slice(0, colon + 1)) ?? 'open';
}

/** The policy of the room with this valid name. */
export function roomPolicy(name: string): RoomPolicy {
  return ROOM_KINDS[roomKind(name)];
}

/** Whether messages of the room reach every session of each member without `join` (R5). */
export function isPrivateRoom(name: string): boolean {
  return roomPolicy(name).isPrivate === true;
}

/** Whether the hub makes the room and only members enter it (R2). */
export function isManagedRoom(name: string): boolean {
  return roomPolicy(name).entry === 'members';
}

/** A10: members read the room after its end, too. */
export function isReadAfterEnd(name: string): boolean {
  const policy = roomPolicy(name);
  return policy.entry === 'members' && policy.readAfterEnd === true;
}

/** Kinds of managed rooms that have something, for statements of SQL: `'pair','conv'`. */
export function managedKindsWith(member: 'isPrivate' | 'readAfterEnd'): string {
  const kinds = Object.entries<RoomPolicy>(ROOM_KINDS).filter(([, policy]) => policy.entry === 'members' && policy[member] === true);
  return kinds.map(([kind]) => `'${kind}'`).join(',');
}

/** Whether messages of the room may be stored (R3). */
export function isArchivedRoom(name: string): boolean {
  const { retention } = roomPolicy(name);
  return retention === 'history' || retention === 'chosen';
}
