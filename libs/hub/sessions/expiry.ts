/** Ends of tokens: one bucket a second instead of one timer a connection. */
import type { Bearer } from '#libs/auth/credentials.ts';
import { EXPIRY_NOTICE_SECONDS, EXPIRY_NOTICE_SHARE } from '#libs/protocol/limits.ts';
import { buildFrame } from '#libs/protocol/server-frame.ts';
import type { Connection } from './connection.ts';

/** Seconds for which a token is good after its `exp`: the clock skew of the handshake (H3). */
const SKEW_SECONDS = 5;
/**
 * Later ends are looked at again after this time, so a connection that is gone is held no longer.
 */
const HORIZON_SECONDS = 60;

/** The token of one connection that is watched. */
interface Watch {
  readonly connection: Connection;
  /** Unix second of the notice. */
  noticeAt: number;
  isNoticed: boolean;
  /** Unix second of the next look. Earlier places of the same watch are skipped. */
  due: number;
}

export class Expiry {
  readonly #watches = new Map<Connection, Watch>();
  readonly #buckets = new Map<number, Watch[]>();
  #reached: number;

  /** `now` in Unix milliseconds. */
  constructor(now: number) {
    this.#reached = Math.floor(now / 1000);
  }

  /** Connections that are watched. */
  get watched(): number {
    return this.#watches.size;
  }

  /**
   * Watches a connection's token; call it after each refresh, too. The token's life counts from
   * `iat`, or from now if it has none. If it ends no later than the token before, there is no
   * second notice.
   */
  watch(connection: Connection, now: number, before?: Bearer): void {
    const seconds = Math.floor(now / 1000);
    const { expiresAt, issuedAt = seconds } = connection.bearer;
    const life = Math.max(0, expiresAt - issuedAt);
    const noticeAt = Math.ceil(expiresAt - Math.min(EXPIRY_NOTICE_SECONDS, life * EXPIRY_NOTICE_SHARE));
    const watch = this.#watches.get(connection) ?? { connection, noticeAt, isNoticed: false, due: 0 };
    this.#watches.set(connection, watch);
    watch.noticeAt = noticeAt;
    watch.isNoticed &&= before !== undefined && expiresAt <= before.expiresAt;
    this.#put(watch, Math.min(noticeAt, seconds + HORIZON_SECONDS));
  }

  /**
   * Sends the notices and ends the connections that are due. If the clock was set back, every
   * watched token is looked at.
   */
  sweep(now: number): void {
    const seconds = Math.floor(now / 1000);
    if (seconds < this.#reached) this.#restart(seconds);
    while (this.#reached < seconds) {
      this.#reached += 1;
      const due = this.#buckets.get(this.#reached);
      if (due === undefined) continue;
      this.#buckets.delete(this.#reached);
      // A watch with a newer token has another place, and is looked at there.
      for (const watch of due) if (watch.due === this.#reached) this.#look(watch, this.#reached);
    }
  }

  /** The clock was set back: the planned looks would come late by as much. */
  #restart(seconds: number): void {
    const buckets = [...this.#buckets];
    this.#buckets.clear();
    this.#reached = seconds;
    for (const [second, due] of buckets) for (const watch of due) if (watch.due === second) this.#look(watch, seconds);
  }

  #look(watch: Watch, seconds: number): void {
    const { connection, noticeAt } = watch;
    if (!connection.open) {
      this.#watches.delete(connection);
      return;
    }
    const { expiresAt } = connection.bearer;
    if (seconds >= expiresAt + SKEW_SECONDS) {
      this.#watches.delete(connection);
      connection.end('TOKEN_EXPIRED');
      return;
    }
    if (seconds < noticeAt) {
      this.#put(watch, Math.min(noticeAt, seconds + HORIZON_SECONDS));
      return;
    }
    if (!watch.isNoticed) {
      watch.isNoticed = true;
      connection.send(buildFrame('token_expiring', { expiresAt }));
    }
    this.#put(watch, expiresAt + SKEW_SECONDS);
  }

  #put(watch: Watch, second: number): void {
    watch.due = Math.max(second, this.#reached + 1);
    const bucket = this.#buckets.get(watch.due);
    if (bucket === undefined) this.#buckets.set(watch.due, [watch]);
    else bucket.push(watch);
  }
}
