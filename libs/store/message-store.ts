/** The port to the logs of rooms, messages and other events, and to how far they reached each user. */

/** A message as it is kept. `sender` and `data` are JSON texts, so that the frame can be rebuilt byte by byte. */
export interface StoredMessage {
  readonly room: string;
  readonly offset: number;
  readonly epoch: string;
  /** The message's own id (M2). */
  readonly id: string;
  /** JSON of `{id,name,kind?}`, the id first: messages stored before there was a kind have none. */
  readonly sender: string;
  readonly text: string;
  /** JSON of the `data` member, or undefined. */
  readonly data: string | undefined;
  /** The publisher's stamp. */
  readonly at: number;
}

/** A message that is read, with what changed it. */
export interface ReadMessage extends StoredMessage {
  /** JSON of the event that carries its latest state: the one with the highest version. Undefined if nothing changed it. */
  readonly change?: string | undefined;
}

/** An event of a room's log that is no message, as it is kept (M7). */
export interface StoredRoomEvent {
  readonly room: string;
  readonly offset: number;
  readonly epoch: string;
  /** The event's own id. */
  readonly id: string;
  readonly kind: string;
  /** The message whose whole state it carries, and the version of that state. Undefined if it changes no message. */
  readonly target: { readonly offset: number; readonly version: number } | undefined;
  /** JSON of the event, as in its frame: the frame can be rebuilt byte by byte, whatever the kind. */
  readonly body: string;
  /** The publisher's stamp. */
  readonly at: number;
}

/** Where a message was stored under its id. */
export interface StoredAt {
  readonly offset: number;
  readonly epoch: string;
  readonly at: number;
}

/** Messages of a room in their latest state, oldest first. */
export interface StoredPage {
  readonly messages: ReadMessage[];
  /** Older ones exist. */
  readonly more: boolean;
}

export interface MessageStore {
  /**
   * Stores a message or another event; resolves once it is committed. Calls of the same few milliseconds go out in one statement. Idempotent by (room, id) for as long as
   * recent keys are kept (an hour): resolves with where the *first* one is. `conflict`: the offset is taken by another entry; nothing was stored.
   */
  append(entry: StoredMessage | StoredRoomEvent): Promise<StoredAt | 'conflict'>;
  /** At one moment: where the message of this id was stored within the last hour, and the highest offset ever stored in the room; 0 for none. */
  find(room: string, id: string): Promise<{ readonly first: StoredAt | undefined; readonly top: number }>;
  /** The highest offset ever stored in the room; 0 for none. */
  top(room: string): Promise<number>;
  /**
   * The newest messages below `before` (`Infinity`: of all), oldest first. At most `limit`; the one that reaches `bytes` (text, data and sender, default no
   * limit) is the last, what lies beyond is not fetched.
   */
  before(room: string, before: number, limit: number, bytes?: number): Promise<StoredPage>;
  /** The oldest entries of the log above `after`, oldest first. `limit` and `bytes` as in `before`: there may be more where fewer than `limit` come. */
  after(room: string, after: number, limit: number, bytes?: number): Promise<(ReadMessage | StoredRoomEvent)[]>;
  /** The stored offsets above `above`, up to `through`, in any order. */
  offsets(room: string, above: number, through: number): Promise<number[]>;
}

/** What a user has not got yet in one room. */
export interface Waiting {
  readonly room: string;
  /** Everything up to here was delivered. */
  readonly delivered: number;
  readonly top: number;
  /** Since when the room keeps history, Unix milliseconds: what is older waits for nobody. */
  readonly historyFrom: number;
}

export interface CursorStore {
  /**
   * Moves a member's cursor forward, never back and never above what is stored; of others, and in rooms that keep no history, nothing; calls of the same
   * moment go out together. Resolves once committed: false if the room is not stored that far, so that asking again may move it on.
   */
  advance(user: string, room: string, offset: number): Promise<boolean>;
  /** Up to where a room's messages reached the user; `historyFrom` as in `Waiting`. */
  delivered(user: string, room: string): Promise<Pick<Waiting, 'delivered' | 'historyFrom'>>;
  /** The made rooms of the user that keep history, and are open or a conversation, with something above the cursor. Calls of the same moment go out together. */
  waiting(user: string): Promise<readonly Waiting[]>;
}
