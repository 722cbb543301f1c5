/**
 * The port to managed rooms and their members.
 *
 * The store returns a `Person` with the kind of their last token. If it saw none, it returns the
 * kind of one of their logins, otherwise the kind of their account. The kind is absent if none of
 * these is known. Rooms do not keep it.
 */
import type { Person } from '#libs/protocol/frame-types.ts';
import type { ManagedRoomKind } from '#libs/protocol/room-kinds.ts';
import type { EndReason } from '#libs/protocol/signals.ts';
import type { ListPage } from './list-page.ts';

/** A managed room. */
export interface RoomRecord {
  /** The full name on the wire: `group:...`, `pair:...`, `conv:...`, `dm:...`. */
  readonly room: string;
  readonly kind: ManagedRoomKind;
  /** The title for people. Empty for rooms without one. */
  readonly title: string;
  /** The user who made the room. Empty if it belongs to nobody. */
  readonly owner: string;
  readonly keepHistory: boolean;
  /**
   * The start of its history: earlier messages are never stored. Undefined if it keeps no history,
   * or if the start is unknown.
   */
  readonly historyFrom: number | undefined;
  readonly createdAt: number;
  /** Undefined: the room does not end by itself. */
  readonly expiresAt: number | undefined;
  /** Undefined while the room is open. */
  readonly closedAt: number | undefined;
  readonly closedReason: EndReason | undefined;
}

/** The relation of one user to a room. */
export interface RoomStanding {
  readonly room: RoomRecord;
  readonly isMember: boolean;
  /**
   * The ids of all members of a private room (R5), in the order in which they came. Empty for
   * groups.
   */
  readonly privateMembers: readonly string[];
}

/** A room to be made. It is open. If it keeps history, then from its first moment on. */
export type NewRoom = Omit<RoomRecord, 'historyFrom' | 'closedAt' | 'closedReason'>;

/** An open room that ends by itself. */
export interface RoomEnd {
  readonly room: string;
  readonly expiresAt: number;
}

/** A room as one of its members sees it. */
export interface RoomSummary extends RoomRecord {
  /** The highest stored offset. 0 if nothing is stored. */
  readonly top: number;
  /**
   * Stored messages of others above the user's cursor, counted up to 1,000. 0 in rooms that keep no
   * history.
   */
  readonly unread: number;
  /**
   * The user's cursor: the offset up to which everything was delivered. 0 if nothing was. What was
   * published before the history of the room began counts as delivered.
   */
  readonly delivered: number;
  /** For a pair that keeps no history yet: who of the two asked for it. */
  readonly historyWish: 'mine' | 'theirs' | undefined;
}

/**
 * A place in the list of a user's rooms. `at`: the newest activity in the room when the first page
 * was read. `asOf`: the newest activity of that whole page.
 */
export interface RoomPlace {
  readonly asOf: number;
  readonly at: number;
  readonly room: string;
}

/** Managed rooms and their members. */
export interface RoomStore {
  /**
   * Creates the room with its members. `exists` if the name is taken; nothing changes then (two
   * users may open a direct room at once).
   */
  create(room: NewRoom, members: readonly Person[]): Promise<'created' | 'exists'>;
  /**
   * As `create`, for a group. `exists` comes before `too-many`: the owner already has `ownedMax`
   * open groups. Concurrent calls of an owner see each other.
   */
  createGroup(room: NewRoom, members: readonly Person[], ownedMax: number): Promise<'created' | 'exists' | 'too-many'>;
  get(room: string): Promise<RoomRecord | undefined>;
  members(room: string): Promise<Person[]>;
  /** The members of many rooms in one query. Rooms without members are left out. */
  membersOf(rooms: readonly string[]): Promise<ReadonlyMap<string, readonly Person[]>>;
  /**
   * The relation of a user to a room; undefined if there is no such room. Without a user: the room
   * alone. Reads one row of a group's members, whatever its size. Calls of the same moment share a
   * statement, on connections that readers of history do not use.
   */
  standing(room: string, user?: string): Promise<RoomStanding | undefined>;
  /**
   * As `standing`, for followers of room changes. It does not wait for other questions, and rejects
   * after 1.25 s (R7).
   */
  recheck(room: string, user: string): Promise<RoomStanding | undefined>;
  /**
   * The room with all members, in one query. To ask whether one user is a member, use `standing`.
   */
  withMembers(room: string): Promise<{ readonly room: RoomRecord; readonly members: readonly Person[] } | undefined>;
  /** One room of a user, as in `of`. Undefined if it is not open, or if the user is no member. */
  summary(user: string, room: string): Promise<RoomSummary | undefined>;
  /**
   * The open rooms of a user, newest activity first, at most `limit`. Later pages keep the order of
   * the first one: if a message is stored in a room meanwhile, the room is neither missed nor
   * listed twice. A message that was on its way to the database while the first page was read is
   * the exception (A16). With `ended`, the pairs that kept history and ended stand among them.
   */
  of(
    user: string,
    page: { readonly after?: RoomPlace | undefined; readonly limit: number; readonly ended?: boolean },
  ): Promise<ListPage<RoomSummary, RoomPlace>>;
  /**
   * Changes an open room. `expiresAt: null` removes its end. History that is switched on starts at
   * `now`. Undefined if there is no such room, or if it is closed.
   */
  update(
    room: string,
    change: { readonly title?: string; readonly keepHistory?: boolean; readonly expiresAt?: number | null },
    now: number,
  ): Promise<RoomRecord | undefined>;
  /**
   * Adds all of them or nobody. For new members everything stored so far counts as delivered.
   * `too-many` if the room would have more than `membersMax`, also with concurrent calls. `closed`
   * also if there is no such room.
   */
  addMembers(room: string, members: readonly Person[], membersMax: number): Promise<'added' | 'too-many' | 'closed'>;
  /** Resolves with the users who were members. */
  removeMembers(room: string, users: readonly string[]): Promise<readonly string[]>;
  /**
   * Closes the room. True for the one call that did it. Frees a pair: its members may be paired
   * again.
   */
  close(room: string, reason: EndReason, now: number): Promise<boolean>;
  /** Open rooms whose time is over, at most `limit`. */
  overdue(now: number, limit: number): Promise<string[]>;
  /**
   * Open rooms that end by themselves until `until`: those after `after`, sorted by end and then by
   * name, at most `limit`.
   */
  expiring(after: RoomEnd, until: number, limit: number): Promise<RoomEnd[]>;
}
