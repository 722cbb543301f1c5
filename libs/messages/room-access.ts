/**
 * The port to the rules of rooms: the right to enter, and the retention of messages (R2, R3, R5).
 */
import type { Bearer } from '#libs/auth/credentials.ts';

/** The claims of a bearer that decide about rooms. */
export type RoomBearer = Pick<Bearer, 'userId' | 'name' | 'kind' | 'rooms'>;

/** How a room keeps its messages (R3). */
export const Retention = { none: 'none', stream: 'stream', history: 'history' } as const;
/** A retention of a room. */
export type Retention = (typeof Retention)[keyof typeof Retention];

/** The right of a user to enter a room and to publish in it. */
export interface Membership {
  readonly room: string;
  readonly retention: Retention;
  /**
   * The members of a private room (R5): its messages go to their own channels. Undefined for rooms
   * that are joined.
   */
  readonly members: readonly string[] | undefined;
}

/**
 * The relation of a user to a managed room: a member, not a member (any more), or the room is
 * closed or expired.
 */
export const Standing = { member: 'member', stranger: 'stranger', closed: 'closed', expired: 'expired' } as const;
/** A relation of a user to a managed room. */
export type Standing = (typeof Standing)[keyof typeof Standing];

/** The rules of rooms. */
export interface RoomAccess {
  /** Whether the room keeps at least a stream. Its name alone decides. */
  keepsStream(room: string): boolean;
  /**
   * Returns the membership of a room whose name and the bearer's token decide; undefined for a
   * managed room, whose members only the store knows. No I/O: a join enters in its own turn of the
   * event loop, because a `message` right behind it finds the room joined only then.
   *
   * @throws HubError `FORBIDDEN`, also for the bearer's kind.
   */
  enterByName(bearer: RoomBearer, room: string): Membership | undefined;
  /**
   * Resolves to the membership of any room. Asks the store about a managed one. Rejects with
   * `HubError` `FORBIDDEN` (also for the bearer's kind), `ROOM_CLOSED`, `UNAVAILABLE`.
   */
  enter(bearer: RoomBearer, room: string): Promise<Membership>;
  /**
   * Returns the retention of a room that the user may read: one that the user may enter, a closed
   * conversation of the user, or one of a customer whom the user answers now, as long as it is kept
   * (A10). Rejects as `enter`.
   */
  read(bearer: RoomBearer, room: string): Promise<Retention>;
  /**
   * Asks the store for a user's relation to a managed room. Calls of the same moment are sent
   * together. Rejects with `HubError` `UNAVAILABLE`.
   */
  standing(user: string, room: string): Promise<Standing>;
  /**
   * As `standing`, for the follower of room events. It resolves or rejects early enough for a lost
   * access to end within 2 s (R7).
   */
  recheck(user: string, room: string): Promise<Standing>;
  /**
   * Asks the store for the members of a private room; none for any other room. Rejects with
   * `HubError` `UNAVAILABLE`.
   */
  members(room: string): Promise<readonly string[]>;
  /**
   * Returns the room of direct messages between two users. Makes it at first use. Rejects with
   * `HubError` `FORBIDDEN` (for the kind of either user), `USER_NOT_FOUND`, `UNAVAILABLE`.
   */
  direct(bearer: RoomBearer, to: string): Promise<Membership>;
  /** Returns the name of the room of direct messages between two users. */
  directRoom(user: string, to: string): string;
}
