/** The ports to the two logs that processes follow: events, one for each change of members, rooms, conversations, logins and bans; and revocations. */

/** A row as it is kept. `libs/events/events.ts` gives it its type. */
export interface EventRow {
  /** Higher for the later one of two events of a room. */
  readonly seq: number;
  readonly kind: string;
  /** Undefined: the event is about people, not about a room. */
  readonly room: string | undefined;
  /** The people concerned, in the order in which they came. */
  readonly users: readonly string[];
  /** When it happened, Unix milliseconds by the database's clock. */
  readonly at: number;
  readonly payload: unknown;
}

/** A place in the log that all processes share. */
export interface ConsumerPosition {
  readonly position: string;
  /** False while another process works through what follows. */
  readonly isFree: boolean;
}

/** Every change adds its event in its own transaction. Events are kept for seven days. */
export interface EventStore {
  /**
   * The events of these kinds that were committed since the read that gave this mark, however late they were committed; without a mark none. At most 1,000:
   * if there are more, `more` is true and the page's mark leads on. Two events of one room never come in the wrong order.
   */
  since(mark: string | undefined, kinds: readonly string[]): Promise<LogPage<EventRow>>;
  /** How far a consumer has come. Throws `TypeError` if no migration made a consumer of this name. */
  position(consumer: string): Promise<ConsumerPosition>;
  /**
   * Holds a consumer that stands at `position` and that nobody else holds, for `ms` milliseconds at most. False: it was held, or has moved on. Of several
   * calls at once one is true.
   */
  hold(consumer: string, position: string, holder: string, ms: number): Promise<boolean>;
  /** Lets go of a consumer that `holder` still holds, at `position` from now on. False: it is not held by `holder` any more, and does not move. */
  release(consumer: string, holder: string, position: string): Promise<boolean>;
}

/** The port to the log of revocations, which every node follows. */

/** A read of a log. None that follows another by its mark misses what was committed in between, in whatever order. */
export interface LogPage<Entry> {
  /** In the order in which they were added. After a fail-over some may come again. */
  readonly entries: readonly Entry[];
  /** Where this read ended: an opaque text for the next one. */
  readonly mark: string;
  /** False if the mark given is older than entries are kept: some may be missing. */
  readonly complete: boolean;
  /** True if the page is full: the next read by this mark goes on at once. */
  readonly more: boolean;
  /** When it was read, Unix milliseconds by the database's clock. */
  readonly readAt: number;
}

/**
 * What takes a token's power away, as a log that every node follows. `login`: all tokens of a login. `token`: one token, by the SHA-256 of it (base64url).
 * `user`: all tokens of the user issued up to `at`. `ban`: the user until `until`. `unban`. `disconnect`: the user's connections of this moment.
 */
export interface RevocationRecord {
  readonly seq: number;
  readonly kind: 'login' | 'token' | 'user' | 'ban' | 'unban' | 'disconnect';
  /** The login, the hash, or the user id. */
  readonly subject: string;
  readonly reason: string;
  readonly at: number;
  /** Of no interest afterwards. */
  readonly until: number;
}

export interface RevocationStore {
  /** An `unban` is kept no longer than the bans it lifts, `until` at most. */
  add(revocation: Omit<RevocationRecord, 'seq'>): Promise<void>;
  /** Until when the user is banned, Unix milliseconds; undefined: they are not. O(log n). */
  bannedUntil(user: string, now: number): Promise<number | undefined>;
  /** What was committed since the read that gave this mark; without one, everything that holds, without bans that were lifted. */
  since(mark: string | undefined, now: number): Promise<LogPage<RevocationRecord>>;
}
