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
