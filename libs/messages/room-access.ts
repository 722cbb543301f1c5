/** The port to the rules of rooms: who may enter, and what is kept of messages (R2, R3, R5). */
import type { Bearer } from '#libs/auth/credentials.ts';

/** The claims of a bearer that decide about rooms. */
export type RoomBearer = Pick<Bearer, 'userId' | 'name' | 'kind' | 'rooms'>;

/** What a room keeps of its messages (R3). */
export const Retention = { none: 'none', stream: 'stream', history: 'history' } as const;
export type Retention = (typeof Retention)[keyof typeof Retention];

/** Somebody may enter a room, and say something in it. */
export interface Membership {
  readonly room: string;
  readonly retention: Retention;
  /** Private rooms (R5): the users whose own channels its messages go to. Undefined for rooms that are joined. */
  readonly members: readonly string[] | undefined;
}

/** How somebody stands in a room that the hub makes: in it, not in it (any more), or in one that is over. */
export const Standing = { member: 'member', stranger: 'stranger', closed: 'closed', expired: 'expired' } as const;
export type Standing = (typeof Standing)[keyof typeof Standing];

export interface RoomAccess {
  /** Whether the room keeps at least a stream. By its name alone. */
  keepsStream(room: string): boolean;
  /**
   * At once if the name and the token decide; a promise if the store is asked. It is not always a promise: a join that is
   * decided at once enters in its turn of the event loop, and a `message` right behind it relies on that.
   * @throws HubError, or rejects with it: `FORBIDDEN` (also by the bearer's kind), `ROOM_CLOSED`, `UNAVAILABLE`.
   */
  enter(bearer: RoomBearer, room: string): Membership | Promise<Membership>;
  /**
   * What the room keeps, for a user who may read it: one who may enter, or a member of a closed conversation, as long as it is kept.
   * Rejects as `enter`.
   */
  read(bearer: RoomBearer, room: string): Promise<Retention>;
  /** How a user stands in a room that the hub makes, asked afresh. Questions of the same moment go out together. Rejects with `HubError` `UNAVAILABLE`. */
  standing(user: string, room: string): Promise<Standing>;
  /** As `standing`, for who follows what becomes of rooms: answered or rejected in time for what is lost to hold within 2 s (R7). */
  recheck(user: string, room: string): Promise<Standing>;
  /** The members of a private room, asked afresh; of any other, none. Rejects with `HubError` `UNAVAILABLE`. */
  members(room: string): Promise<readonly string[]>;
  /** The room of direct messages between two users, made at first use. Rejects with `HubError` `FORBIDDEN` (by the kind of either), `USER_NOT_FOUND`, `UNAVAILABLE`. */
  direct(bearer: RoomBearer, to: string): Promise<Membership>;
  /** The name of that room. */
  directRoom(user: string, to: string): string;
}
