/**
 * The port to rooms that the hub makes, and their members.
 *
 * The store returns a `Person` with the kind of their last token. If it saw none, it returns the kind of one of their logins,
 * otherwise the kind of their account. The kind is absent if none of these is known. Rooms do not keep it.
 */
import type { Person } from '#libs/protocol/frame-types.ts';
import type { ManagedRoomKind } from '#libs/protocol/room-kinds.ts';
import type { ListPage } from './list-page.ts';

export interface RoomRecord {
  /** The whole name on the wire: `group:...`, `pair:...`, `conv:...`, `dm:...`. */
  readonly room: string;
  readonly kind: ManagedRoomKind;
  /** What people call it; empty for rooms without a title. */
  readonly title: string;
  /** The user who made it; empty where nobody in particular did. */
  readonly owner: string;
  readonly keepHistory: boolean;
  /** Since when: what was said before is never stored. Undefined if no history is kept, or nobody knows since when. */
  readonly historyFrom: number | undefined;
  readonly createdAt: number;
  /** Undefined: never ends by itself. */
  readonly expiresAt: number | undefined;
  /** Undefined while it is open. */
  readonly closedAt: number | undefined;
  readonly closedReason: 'expired' | 'closed' | undefined;
}

/** How one user stands in a room. */
export interface RoomStanding {
  readonly room: RoomRecord;
  readonly isMember: boolean;
  /** The ids of all members of a private room (R5), in the order in which they came. Empty for groups. */
  readonly privateMembers: readonly string[];
}

/** A room that is to be made: open, and where it keeps history, from its first moment on. */
export type NewRoom = Omit<RoomRecord, 'historyFrom' | 'closedAt' | 'closedReason'>;

/** An open room that ends by itself. */
export interface RoomEnd {
  readonly room: string;
  readonly expiresAt: number;
}

export interface RoomSummary extends RoomRecord {
  /** Highest stored offset; 0 where nothing is stored. */
  readonly top: number;
  /** Stored messages above the asking user's cursor, counted up to 1,000; 0 in rooms that keep no history. */
  readonly unread: number;
  /** Of a pair that keeps no history yet: which of the two asked for it. */
  readonly historyWish: 'mine' | 'theirs' | undefined;
}

/** A place in the list of a user's rooms. `at`: the newest activity in the room as it was when the first page was read, whose newest is `asOf`. */
export interface RoomPlace {
  readonly asOf: number;
  readonly at: number;
  readonly room: string;
}

export interface RoomStore {
  /** Creates the room with its members. `exists` if the name is taken: nothing is changed then (dm rooms race). */
  create(room: NewRoom, members: readonly Person[]): Promise<'created' | 'exists'>;
  /** As `create`, a group; whether the name is taken is looked at first. `too-many` if its owner has `ownedMax` open groups already, whoever else makes one at the same moment. */
  createGroup(room: NewRoom, members: readonly Person[], ownedMax: number): Promise<'created' | 'exists' | 'too-many'>;
  get(room: string): Promise<RoomRecord | undefined>;
  members(room: string): Promise<Person[]>;
  /** The members of many rooms in one query; a room without any is not in it. */
  membersOf(rooms: readonly string[]): Promise<ReadonlyMap<string, readonly Person[]>>;
  /**
   * How a user stands in a room; undefined if there is no such room. Without a user: the room alone. Reads one row of a group's members, however many
   * there are. Calls of the same moment go out together, on connections that no reader of history can take.
   */
  standing(room: string, user?: string): Promise<RoomStanding | undefined>;
  /** As `standing`, for who follows what becomes of rooms: no other question makes it wait, and it rejects after 1.25 s (R7). */
  recheck(room: string, user: string): Promise<RoomStanding | undefined>;
  /** The record and all members in one query: for who lists or tells them. Whether one user is a member is asked by `standing`. */
  withMembers(room: string): Promise<{ readonly room: RoomRecord; readonly members: readonly Person[] } | undefined>;
  /** How one of a user's rooms stands, as in `of`; undefined if it is not open, or not theirs. */
  summary(user: string, room: string): Promise<RoomSummary | undefined>;
  /**
   * The open rooms of a user, newest activity first, at most `limit`. Later pages keep the order of the first one: a room in which something is said meanwhile
   * is neither missed nor given twice, unless that message was on its way to the database as the first page was read (A16).
   */
  of(user: string, page: { readonly after?: RoomPlace | undefined; readonly limit: number }): Promise<ListPage<RoomSummary, RoomPlace>>;
  /** Changes an open room; `null` takes the end away; history that is switched on is kept from `now` on. Undefined if there is none, or it is closed. */
  update(
    room: string,
    change: { readonly title?: string; readonly keepHistory?: boolean; readonly expiresAt?: number | null },
    now: number,
  ): Promise<RoomRecord | undefined>;
  /**
   * New members start with everything stored so far counted as delivered. All of them or nobody: `too-many` if the room had more than `membersMax` then,
   * however many add at once; `closed` also if there is no such room.
   */
  addMembers(room: string, members: readonly Person[], membersMax: number): Promise<'added' | 'too-many' | 'closed'>;
  /** Resolves with those who were members. */
  removeMembers(room: string, users: readonly string[]): Promise<readonly string[]>;
  /** Closes once: true for the caller that did it. Frees a pair: its members may be paired again. */
  close(room: string, reason: 'expired' | 'closed', now: number): Promise<boolean>;
  /** Open rooms whose time is over, at most `limit`. */
  overdue(now: number, limit: number): Promise<string[]>;
  /** Open rooms that end by themselves `until` a time: those behind `after` in the order of their ends, then of their names, at most `limit`. */
  expiring(after: RoomEnd, until: number, limit: number): Promise<RoomEnd[]>;
}
