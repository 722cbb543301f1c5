/**
 * The policy of each kind of room (R2, R3, R5, R6, A8-A10). Code asks the table and never compares
 * names.
 *
 * A kind that is entered by its name alone is one row here: the hub, the API and its documents
 * follow. A kind of managed room also needs its maker, and a migration for the CHECK of
 * `rooms.kind`.
 */

interface Policy {
  /** How names of these rooms begin. A kind without a colon here has one room, of this name. */
  readonly prefix: string;
  /** The power that a user's kind needs to be in such a room (see `user-kinds.ts`). */
  readonly power: string;
  /**
   * Whether a connection must join the room before messages and `typing` of it come and go. It may
   * join where it need not, and gets each message once all the same (R5).
   */
  readonly join: 'required' | 'optional';
  /** Texts may be as long as `CONVERSATION_CHARS`, also where `MESSAGE_MAX_CHARS` is less (F2). */
  readonly longTexts?: true;
}

/** Numbers that bound rooms of a kind. Absent: no bound. */
interface RoomLimits {
  /** Members of one room. */
  readonly members?: number;
  /** Open rooms of one owner; of a conversation, of one customer. */
  readonly openRooms?: number;
  /** Milliseconds from the making of a room to its end. */
  readonly lifeMs?: number;
  /** Days without a message, after which a room ends or is dropped. */
  readonly silentDays?: number;
}

/** A room that the hub makes: only its members enter (R2). */
export interface ManagedPolicy extends Policy {
  readonly entry: 'members';
  /** `chosen`: each room keeps history, or a stream only (R3). */
  readonly retention: 'history' | 'chosen';
  /** Who chooses: the owner at any time, or every member, once and for all (A9). */
  readonly chosenBy?: 'owner' | 'everyMember';
  /** Names are random, or follow from the members: those have one room of the kind. */
  readonly naming: 'random' | 'members';
  /**
   * Messages come to every session of each member over the member's own channel (R5). Implies
   * `join: 'optional'`.
   */
  readonly isPrivate?: true;
  /** Who may end the room over `DELETE /rooms/{room}` (A8, A9). Absent: nobody. */
  readonly endedBy?: 'owner' | 'anyMember';
  /**
   * Members read its history after its end, until it is dropped. `delivered`: messages from before
   * its end also wait for them (A10). `asked`: only if they ask (A9).
   */
  readonly readAfterEnd?: 'delivered' | 'asked';
  readonly limits?: RoomLimits;
}

/** A room that needs no record: its name is enough. */
export interface NamedPolicy extends Policy {
  readonly join: 'required';
  readonly retention: 'none' | 'stream' | 'history';
}

/**
 * A room that everybody may enter whose kind may (R6). It is always there, and listed with its
 * title (A8).
 */
export interface PublicPolicy extends NamedPolicy {
  readonly entry: 'everybody';
  readonly title: string;
}

/** A room of those whom a token's `rooms` claim or `OPEN_ROOMS` lets in (R2). */
export interface OpenPolicy extends NamedPolicy {
  readonly entry: 'claim';
  /** A room that did not exist counts against `NEW_ROOMS_PER_MINUTE` of the user who enters it. */
  readonly countsAsNew?: true;
}

export type RoomPolicy = ManagedPolicy | PublicPolicy | OpenPolicy;

export const ROOM_KINDS = {
  park: { prefix: 'park', title: 'Park', entry: 'everybody', join: 'required', retention: 'history', power: 'park' },
  group: {
    prefix: 'group:',
    entry: 'members',
    join: 'required',
    retention: 'chosen',
    chosenBy: 'owner',
    naming: 'random',
    power: 'groups',
    endedBy: 'owner',
    limits: { members: 1000, openRooms: 200 },
  },
  pair: {
    prefix: 'pair:',
    entry: 'members',
    join: 'optional',
    retention: 'chosen',
    chosenBy: 'everyMember',
    naming: 'random',
    isPrivate: true,
    readAfterEnd: 'asked',
    power: 'pairs',
    endedBy: 'anyMember',
    limits: { lifeMs: 86_400_000 },
  },
  conv: {
    prefix: 'conv:',
    entry: 'members',
    join: 'optional',
    retention: 'history',
    naming: 'random',
    isPrivate: true,
    readAfterEnd: 'delivered',
    longTexts: true,
    power: 'member',
    limits: { openRooms: 3, silentDays: 30 },
  },
  dm: {
    prefix: 'dm:',
    entry: 'members',
    join: 'optional',
    retention: 'history',
    naming: 'members',
    isPrivate: true,
    power: 'direct',
    limits: { silentDays: 30 },
  },
  live: { prefix: 'live:', entry: 'claim', join: 'required', retention: 'none', power: 'rooms' },
  /** Any other name. */
  open: { prefix: '', entry: 'claim', join: 'required', retention: 'stream', countsAsNew: true, power: 'rooms' },
} as const satisfies Record<string, RoomPolicy>;
export type RoomKind = keyof typeof ROOM_KINDS;

type KindsWith<P> = { [K in RoomKind]: (typeof ROOM_KINDS)[K] extends P ? K : never }[RoomKind];

/** Kinds whose rooms the hub makes. */
export type ManagedRoomKind = KindsWith<{ readonly entry: 'members' }>;
/** Managed kinds whose rooms have random names. */
export type RandomlyNamedKind = KindsWith<{ readonly naming: 'random' }>;
/** Kinds of rooms that the API lists. Open rooms exist by a claim alone and are not listed. */
export type ListedRoomKind = ManagedRoomKind | KindsWith<{ readonly entry: 'everybody' }>;
/** The powers of the column `power`. */
export type RoomPower = (typeof ROOM_KINDS)[RoomKind]['power'];

const KINDS = Object.keys(ROOM_KINDS) as RoomKind[];

export const LISTED_KINDS = KINDS.filter((kind): kind is ListedRoomKind => ROOM_KINDS[kind].entry !== 'claim');

export interface PublicRoom {
  readonly room: string;
  readonly kind: ListedRoomKind;
  readonly title: string;
  readonly keepHistory: boolean;
}

/** The rooms that are always there, in the order of the table. */
export const PUBLIC_ROOMS: readonly PublicRoom[] = LISTED_KINDS.flatMap((kind) => {
  const policy: RoomPolicy = ROOM_KINDS[kind];
  if (policy.entry !== 'everybody') return [];
  return [{ room: policy.prefix, kind, title: policy.title, keepHistory: policy.retention === 'history' }];
});

const BY_PREFIX: ReadonlyMap<string, RoomKind> = new Map(KINDS.map((kind) => [ROOM_KINDS[kind].prefix, kind]));

/** The kind of a valid room name. */
export function roomKind(name: string): RoomKind {
  const colon = name.indexOf(':');
  return BY_PREFIX.get(colon < 0 ? name : name.slice(0, colon + 1)) ?? 'open';
}

/** The policy of the room with this valid name. */
export function roomPolicy(name: string): RoomPolicy {
  return ROOM_KINDS[roomKind(name)];
}

/** The power that a user's kind needs to be in the room with this valid name. */
export function roomPower(name: string): RoomPower {
  return ROOM_KINDS[roomKind(name)].power;
}

/** Whether a connection must join the room before it takes part (R5). */
export function mustJoin(name: string): boolean {
  return roomPolicy(name).join === 'required';
}

/** Whether messages of the room reach every session of each member without `join` (R5). */
export function isPrivateRoom(name: string): boolean {
  const policy = roomPolicy(name);
  return policy.entry === 'members' && policy.isPrivate === true;
}

/** Whether the hub makes the room and only members enter it (R2). */
export function isManagedRoom(name: string): boolean {
  return roomPolicy(name).entry === 'members';
}

/** A9, A10: some people may read the room after its end. */
export function isReadAfterEnd(name: string): boolean {
  const policy = roomPolicy(name);
  return policy.entry === 'members' && policy.readAfterEnd !== undefined;
}

/** A10: messages from before the end of the room still wait for its members. */
export function isDeliveredAfterEnd(name: string): boolean {
  const policy = roomPolicy(name);
  return policy.entry === 'members' && policy.readAfterEnd === 'delivered';
}

/** F2: texts of the room may be as long as those of a conversation. */
export function hasLongTexts(name: string): boolean {
  return roomPolicy(name).longTexts === true;
}

/** Whether messages of the room may be stored (R3). */
export function isArchivedRoom(name: string): boolean {
  const { retention } = roomPolicy(name);
  return retention === 'history' || retention === 'chosen';
}

/** Kinds of managed rooms whose policy fits, for `IN (...)` of SQL: `'pair','conv'`. */
export function managedKindsWith(fits: (policy: ManagedPolicy) => boolean): string {
  const kinds = Object.entries<RoomPolicy>(ROOM_KINDS).filter(([, policy]) => policy.entry === 'members' && fits(policy));
  return kinds.map(([kind]) => `'${kind}'`).join(',');
}
