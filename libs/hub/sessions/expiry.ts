/** Ends of tokens: one bucket a second instead of one timer a connection. */
import { EXPIRY_NOTICE_SECONDS, EXPIRY_NOTICE_SHARE } from '#libs/protocol/limits.ts';
import { buildFrame } from '#libs/protocol/server-frame.ts';
import type { Connection, Identity } from './connection.ts';

/** A token is good this much longer than it says: the clock skew forgiven at the handshake (H3), seconds. */
const SKEW_SECONDS = 5;
/** Ends further away than this are looked at again then: a connection that is gone is held no longer than this. */
const HORIZON_SECONDS = 60;

export class Expiry {
  readonly #buckets = new Map<number, Connection[]>();
  #reached: number;

  /** `now` in Unix milliseconds. */
  constructor(now: number) {
    this.#reached = Math.floor(now / 1000);
  }

  /** Looks that are to come. */
  get watched(): number {
    let count = 0;
    for (const bucket of this.#buckets.values()) count += bucket.length;
    return count;
  }

  /**
   * Watches a connection's token; call it after each refresh, too. The token's life counts from `iat`, or from now if it has none. If it ends no later than
   * the token before, there is no second notice.
   */
  watch(connection: Connection, now: number, before?: Identity): void {
    const seconds = Math.floor(now / 1000);
    const { expiresAt, issuedAt = seconds } = connection.identity;
    const life = Math.max(0, expiresAt - issuedAt);
    connection.expiryNoticeAt = Math.ceil(expiresAt - Math.min(EXPIRY_NOTICE_SECONDS, life * EXPIRY_NOTICE_SHARE));
    connection.expiryTold &&= before !== undefined && expiresAt <= before.expiresAt;
    this.#put(connection, Math.min(connection.expiryNoticeAt, seconds + HORIZON_SECONDS));
  }

  /** Sends the notices and ends the connections that are due. If the clock was set back, every watched token is looked at. */
  sweep(now: number): void {
    const seconds = Math.floor(now / 1000);
    if (seconds < this.#reached) this.#restart(seconds);
    while (this.#reached < seconds) {
      this.#reached += 1;
      const due = this.#buckets.get(this.#reached);
      if (due === undefined) continue;
      this.#buckets.delete(this.#reached);
      // One that was put elsewhere since, with a new token, is looked at there.
      for (const connection of due) if (connection.expiryDue === this.#reached) this.#look(connection, this.#reached);
    }
  }

  /** The looks that are to come were placed by a clock that is wrong now: they would come late by as much. */
  #restart(seconds: number): void {
    const buckets = [...this.#buckets];
    this.#buckets.clear();
    this.#reached = seconds;
    for (const [second, due] of buckets) for (const connection of due) if (connection.expiryDue === second) this.#look(connection, seconds);
  }

  #look(connection: Connection, seconds: number): void {
    if (!connection.open) return;
    const { expiresAt } = connection.identity;
    const { expiryNoticeAt } = connection;
    if (seconds >= expiresAt + SKEW_SECONDS) {
      connection.end('TOKEN_EXPIRED');
      return;
    }
    if (seconds < expiryNoticeAt) {
      this.#put(connection, Math.min(expiryNoticeAt, seconds + HORIZON_SECONDS));
      return;
    }
    if (!connection.expiryTold) {
      connection.expiryTold = true;
      connection.send(buildFrame('token_expiring', { expiresAt }));
    }
    this.#put(connection, expiresAt + SKEW_SECONDS);
  }

  #put(connection: Connection, second: number): void {
    const due = Math.max(second, this.#reached + 1);
    connection.expiryDue = due;
    const bucket = this.#buckets.get(due);
    if (bucket === undefined) this.#buckets.set(due, [connection]);
    else bucket.push(connection);
  }
}
