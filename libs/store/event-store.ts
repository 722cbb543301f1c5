/**
 * The ports to the two logs that processes follow: events (one for each change of members, rooms,
 * conversations, logins and bans), and revocations.
 */

import type { Ban } from '#libs/protocol/errors.ts';

/** A stored row. `libs/events/events.ts` gives it its type. */
export interface EventRow {
  /** Of two events of a room, the later one has the higher number. Of a message: its offset. */
  readonly seq: number;
  readonly kind: string;
  /** Undefined: the event is about people, not about a room. */
  readonly room: string | undefined;
  /** The people concerned, in the order in which they came. */
  readonly users: readonly string[];
  /** When it happened, in Unix milliseconds of the database's clock. */
  readonly at: number;
  readonly payload: unknown;
}

/** The position of a consumer that all processes share. */
export interface ConsumerPosition {
  readonly position: string;
  /** False while another process handles the events behind the position. */
  readonly isFree: boolean;
}

/**
 * Every change adds its event in its own transaction. Events are kept for seven days. A message is
 * its own event, of the kind `message`, and kept as long as its room keeps it.
 */
export interface EventStore {
  /**
   * The events of these kinds that were committed since the read that returned `mark`, however
   * late. Without a mark: none. At most 1,000; if there are more, `more` is true and the page's
   * mark continues. Two events of one room never come in the wrong order, nor do two messages. The
   * messages of a page come after its other events.
   */
  since(mark: string | undefined, kinds: readonly string[]): Promise<LogPage<EventRow>>;
  /**
   * The position of a consumer. Throws `TypeError` if no migration made a consumer of this name.
   */
  position(consumer: string): Promise<ConsumerPosition>;
  /**
   * Takes a consumer that is at `position` and that nobody holds, for `ms` milliseconds at most.
   * False if somebody held it, or if it moved on. Of several calls at once, one returns true.
   */
  hold(consumer: string, position: string, holder: string, ms: number): Promise<boolean>;
  /**
   * Releases a consumer that `holder` still holds, and moves it to `position`. False, and no move,
   * if `holder` does not hold it any more.
   */
  release(consumer: string, holder: string, position: string): Promise<boolean>;
}

/**
 * A read of a log. A chain of reads, each by the mark of the one before, misses no entry, in
 * whatever order entries are committed.
 */
export interface LogPage<Entry> {
  /** In the order in which they were added. After a fail-over some may come again. */
  readonly entries: readonly Entry[];
  /** The end of this read: an opaque text for the next one. */
  readonly mark: string;
  /** False if entries are not kept as long as the mark is old: some may be missing. */
  readonly complete: boolean;
  /** True if the page is full: read on at once by this mark. */
  readonly more: boolean;
  /** The time of the read, in Unix milliseconds of the database's clock. */
  readonly readAt: number;
}

/**
 * Ends the power of tokens. Every node follows this log.
 * - `login`: all tokens of a login.
 * - `token`: one token, named by its SHA-256 (base64url).
 * - `user`: all tokens of the user that were issued up to `at`.
 * - `ban`: the user and all that it covers, until `until`; `unban` lifts it.
 * - `disconnect`: the connections that the user has at `at`.
 */
export interface RevocationRecord {
  readonly seq: number;
  readonly kind: 'login' | 'token' | 'user' | 'ban' | 'unban' | 'disconnect';
  /** The login, the hash, or the user id. */
  readonly subject: string;
  readonly reason: string;
  readonly at: number;
  /** Tokens and users are free again afterwards. */
  readonly until: number;
  /**
   * Of a ban of a guest or customer: their browsers (`browserSubject`), and the other guests and
   * customers of these browsers. The store fills it in. Absent: none.
   */
  readonly covers?: readonly string[];
}

/** How a ban names a browser. `hash`: `FamilyRecord.browser`. No user id has a space. */
export function browserSubject(hash: string): string {
  return `browser ${hash}`;
}

/** Revocations: every node follows their log. */
export interface RevocationStore {
  /**
   * Adds a revocation. An `unban` is kept for a minute after the bans it lifts end, and until
   * `until` at most.
   */
  add(revocation: Omit<RevocationRecord, 'seq' | 'covers'>): Promise<void>;
  /** The user's own ban; undefined if there is none. O(log n). */
  banOf(user: string, now: number): Promise<Ban | undefined>;
  /**
   * The revocations committed since the read that returned `mark`. Without a mark: all that hold,
   * without lifted bans.
   */
  since(mark: string | undefined, now: number): Promise<LogPage<RevocationRecord>>;
}
