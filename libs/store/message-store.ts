/** The port to the logs of rooms (messages and other events), and to the cursors of users. */

/**
 * A stored message. `sender` and `data` are JSON texts, so that the frame can be rebuilt byte by
 * byte.
 */
export interface StoredMessage {
  readonly room: string;
  readonly offset: number;
  readonly epoch: string;
  /** The message's own id (M2). */
  readonly id: string;
  /** JSON of `{id,name,kind?}`, the id first. Old messages have no kind. */
  readonly sender: string;
  readonly text: string;
  /** JSON of the `data` member, or undefined. */
  readonly data: string | undefined;
  /** The publisher's stamp. */
  readonly at: number;
}

/** A message that is read, with its latest change. */
export interface ReadMessage extends StoredMessage {
  /**
   * The event that carries its latest state: that with the highest version, of equal ones that with
   * the highest offset. Undefined if nothing changed it. `body` as in `StoredRoomEvent`.
   */
  readonly change?: { readonly offset: number; readonly body: string } | undefined;
}

/** A stored event of a room's log that is not a message (M7). */
export interface StoredRoomEvent {
  readonly room: string;
  readonly offset: number;
  readonly epoch: string;
  /** The event's own id. */
  readonly id: string;
  readonly kind: string;
  /**
   * The message whose whole state the event carries, and the version of that state. Undefined if it
   * changes no message.
   */
  readonly target: { readonly offset: number; readonly version: number } | undefined;
  /**
   * JSON of the event, as in its frame. The frame can be rebuilt byte by byte, whatever the kind.
   */
  readonly body: string;
  /** The publisher's stamp. */
  readonly at: number;
}

/** The place where an entry is stored under its id. */
export interface StoredAt {
  readonly offset: number;
  readonly epoch: string;
  readonly at: number;
}

/** Messages of a room in their latest state, oldest first. */
export interface StoredPage {
  readonly messages: ReadMessage[];
  /** Whether older messages exist. */
  readonly more: boolean;
}

/** The logs of rooms. */
export interface MessageStore {
  /**
   * Stores a message or another event. Resolves once it is committed. Calls of the same few
   * milliseconds share a statement. Idempotent by (room, id) for an hour: resolves with the *first*
   * place of the id. `conflict`: another entry has the offset, and nothing was stored.
   */
  append(entry: StoredMessage | StoredRoomEvent): Promise<StoredAt | 'conflict'>;
  /**
   * Where the message of this id was stored within the last hour, and the highest offset ever
   * stored in the room, 0 if none. Both at one moment.
   */
  find(room: string, id: string): Promise<{ readonly first: StoredAt | undefined; readonly top: number }>;
  /** The highest offset ever stored in the room. 0 if none. */
  top(room: string): Promise<number>;
  /**
   * The newest messages below `before` (`Infinity`: of all), oldest first. At most `limit`. The
   * message that reaches `bytes` (text, data and sender; default no limit) is the last one.
   * Messages beyond it are not fetched.
   */
  before(room: string, before: number, limit: number, bytes?: number): Promise<StoredPage>;
  /**
   * The oldest entries of the log above `after`, oldest first. `limit` and `bytes` as in `before`:
   * fewer than `limit` entries do not mean that these are all.
   */
  after(room: string, after: number, limit: number, bytes?: number): Promise<(ReadMessage | StoredRoomEvent)[]>;
  /** The stored offsets above `above`, up to `through`, in any order. */
  offsets(room: string, above: number, through: number): Promise<number[]>;
}

/** Undelivered messages of a user in one room. */
export interface Waiting {
  readonly room: string;
  /** Everything up to this offset is delivered. */
  readonly delivered: number;
  readonly top: number;
  /** The start of the room's history, in Unix milliseconds. Older messages wait for nobody. */
  readonly historyFrom: number;
}

/** Cursors: how far messages reached each user. */
export interface CursorStore {
  /**
   * Moves a member's cursor forward, never back, and never above the top. Does nothing for others,
   * and in rooms that keep no history. Calls of the same moment share a statement. Resolves once
   * committed. False if the room is not stored up to `offset` yet: a later call may move the cursor
   * on.
   */
  advance(user: string, room: string, offset: number): Promise<boolean>;
  /**
   * The offset up to which a room's messages are delivered to the user; `historyFrom` as in
   * `Waiting`.
   */
  delivered(user: string, room: string): Promise<Pick<Waiting, 'delivered' | 'historyFrom'>>;
  /**
   * The user's managed rooms with history that have messages above the cursor: open ones, and
   * closed conversations. Calls of the same moment share a statement.
   */
  waiting(user: string): Promise<readonly Waiting[]>;
}
