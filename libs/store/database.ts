/** The pool of connections: every statement of the store goes through here. */

import pg from 'pg';
import { HubError } from '#libs/protocol/errors.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import { Connections, type Fate } from './connections.ts';

/** SQLSTATE classes of what was asked being wrong: data exceptions, constraints, limits of the program. Appendix A of PostgreSQL's manual. */
const WRONG_REQUEST = ['22', '23', '54'];

/** serialization_failure, deadlock_detected: the same once more succeeds. */
const AGAIN = ['40001', '40P01'];
const LOCK_NOT_AVAILABLE = '55P03';

/** A database's or a connection's error as the port tells it: `INVALID_REQUEST` if no retry can help, otherwise `UNAVAILABLE`. */
export function storeError(error: unknown): HubError {
  if (error instanceof HubError) return error;
  const wrong = WRONG_REQUEST.includes(sqlState(error).slice(0, 2));
  return new HubError(wrong ? 'INVALID_REQUEST' : 'UNAVAILABLE', wrong ? undefined : 'The database is away: try again.', { cause: error });
}

/** Whether another transaction stood in the way, and the same can be tried again at once. */
export function isCollision(error: unknown): boolean {
  return AGAIN.includes(sqlState(error instanceof HubError ? error.cause : error));
}

/** Whether `lock_timeout` ended the wait for a lock: another process works on the table. */
export function isLocked(error: unknown): boolean {
  return sqlState(error instanceof HubError ? error.cause : error) === LOCK_NOT_AVAILABLE;
}

/** The SQLSTATE; '' for errors that are not the database's own. */
function sqlState(error: unknown): string {
  return error instanceof pg.DatabaseError ? (error.code ?? '') : '';
}

export interface DatabaseOptions {
  readonly url: string;
  /** Connections at most. */
  readonly poolSize: number;
  /** A call that has not been answered after so many milliseconds rejects with `UNAVAILABLE`. */
  readonly timeoutMs: number;
  /** Told how statements and connections go. */
  readonly health?: StoreHealth | undefined;
}

export type Row = Record<string, unknown>;

/** Runs one statement with `$1`, `$2` ... and resolves with its rows. bigint columns come as numbers. */
export type Query = <R extends Row = Row>(sql: string, values?: readonly unknown[]) => Promise<R[]>;

export interface CallOptions {
  /** Moment of `performance.now()` after which the call rejects. Default: the pool's timeout from now. */
  readonly deadline?: number;
  /** Milliseconds instead of the pool's timeout, the server's own limit included: for upkeep. */
  readonly timeoutMs?: number;
}

/** The server gives up first, so that its work ends with ours. */
const SERVER_MARGIN_MS = 250;
/** See `SessionLimits`. */
const IDLE_TRANSACTION_MS = 5000;
const CLOSE_MS = 5000;
/** Timers may fire so much early, milliseconds. */
const TIMER_MS = 1;
/** How often a transaction is tried where others stand in its way. */
const TRIES = 3;
/**
 * SQLSTATEs after which a connection is of no use: connection exceptions, insufficient resources, shutdown, system and internal errors, and
 * read_only_sql_transaction: the server is a standby (now).
 */
const LOST = /^(08|53|57P|58|XX|25006)/;

/**
 * Statements over a pool. Never hangs: a call rejects with `HubError` `UNAVAILABLE` after the timeout at the latest, whether the server is gone, frozen or
 * busy. A connection whose statement is given up is closed. If it broke, if its server takes no writes, or if nothing was answered for longer than the server
 * lets a statement take, those made beside it are left, too. Breaking connections end no process.
 */
export class Database {
  readonly timeoutMs: number;
  readonly #connections: Connections;
  readonly #health: StoreHealth | undefined;
  /** When any statement was answered last, of `performance.now()`. */
  #answeredAt = 0;

  constructor(options: DatabaseOptions) {
    this.timeoutMs = options.timeoutMs;
    this.#health = options.health;
    this.#connections = new Connections({
      url: options.url,
      poolSize: options.poolSize,
      connectMs: options.timeoutMs,
      limits: { statementMs: this.#statementMs(options.timeoutMs), idleInTransactionMs: IDLE_TRANSACTION_MS },
      applicationName: 'parley',
      onError: (error) => this.#failed(error),
    });
  }

  /** One statement, committed when it resolves. */
  query<R extends Row = Row>(sql: string, values: readonly unknown[] = [], options: CallOptions = {}): Promise<R[]> {
    const work = (query: Query): Promise<R[]> => query<R>(sql, values);
    return this.#connections.sessionLimits ? this.use(work, options) : this.transaction(work, options);
  }

  /** The only row of a statement, or undefined. */
  async first<R extends Row = Row>(sql: string, values: readonly unknown[] = []): Promise<R | undefined> {
    return (await this.query<R>(sql, values))[0];
  }

  /**
   * Everything `work` does in one transaction (read committed), rolled back where it throws. Run again where another transaction stood in the way: it must
   * do nothing but query.
   */
  async transaction<T>(work: (query: Query) => Promise<T>, options: CallOptions = {}): Promise<T> {
    const deadline = options.deadline ?? performance.now() + (options.timeoutMs ?? this.timeoutMs);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.use(
          async (query) => {
            await query(this.#begin(options.timeoutMs));
            try {
              const result = await work(query);
              await query('COMMIT');
              return result;
            } catch (error) {
              await query('ROLLBACK');
              throw error;
            }
          },
          { ...options, deadline },
        );
      } catch (error) {
        if (attempt === TRIES || !isCollision(error)) throw error;
      }
    }
  }

  /** Several statements on one connection, within one timeout. What `work` itself throws is passed on as it is. */
  async use<T>(work: (query: Query) => Promise<T>, options: CallOptions = {}): Promise<T> {
    const deadline = options.deadline ?? performance.now() + (options.timeoutMs ?? this.timeoutMs);
    const client = await this.#connections.acquire(deadline).catch((error: unknown) => {
      throw this.#failed(error);
    });
    let fate: Fate = 'keep';
    const query: Query = async <R extends Row>(sql: string, values: readonly unknown[] = []) => {
      const sent = performance.now();
      const allowedMs = Math.max(1, deadline - sent);
      try {
        // @types/pg does not know that a timeout may be given with a query, too.
        const config: pg.QueryConfig & { query_timeout: number } = { text: sql, values: values.map(storable), query_timeout: allowedMs };
        const { rows } = await client.query<R>(config);
        this.#answeredAt = performance.now();
        this.#health?.answered();
        return rows;
      } catch (error) {
        if (error instanceof pg.DatabaseError) this.#answeredAt = performance.now();
        if (fate !== 'retire') fate = this.#fateAfter(error, { sent, allowedMs, serverMs: this.#serverMs(options.timeoutMs) }) ?? fate;
        throw this.#failed(error);
      }
    };
    try {
      return await work(query);
    } finally {
      this.#connections.release(client, fate);
    }
  }

  /** Closes all connections; calls under way end first, for a few seconds. */
  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
    });
    await Promise.race([this.#connections.close(), late]);
    clearTimeout(timer);
  }

  /** How a transaction begins. Behind a pooler it brings the limits that sessions have elsewhere. */
  #begin(timeoutMs: number | undefined): string {
    const set = (name: string, milliseconds: number): string => `; SET LOCAL ${name} = ${Math.trunc(milliseconds)}`;
    if (this.#connections.sessionLimits) return timeoutMs === undefined ? 'BEGIN' : `BEGIN${set('statement_timeout', timeoutMs)}`;
    return `BEGIN${set('statement_timeout', this.#serverMs(timeoutMs))}${set('idle_in_transaction_session_timeout', IDLE_TRANSACTION_MS)}`;
  }

  /** What becomes of a connection after an error; undefined: nothing. */
  #fateAfter(
    error: unknown,
    { sent, allowedMs, serverMs }: { readonly sent: number; readonly allowedMs: number; readonly serverMs: number },
  ): Fate | undefined {
    // Only after an error of the server's own does the connection go on, and not to one that takes no writes (any more).
    if (error instanceof pg.DatabaseError) return LOST.test(error.code ?? '') ? 'retire' : undefined;
    const givenUp = performance.now() - sent >= allowedMs - TIMER_MS;
    // A caller who had little time left says nothing of the server, nor does one statement among others that are answered.
    const unanswered = allowedMs >= serverMs + SERVER_MARGIN_MS / 2 && this.#answeredAt < sent;
    return givenUp && !unanswered ? 'close' : 'retire';
  }

  /** Milliseconds after which the server ends a statement of a call. */
  #serverMs(timeoutMs: number | undefined): number {
    return timeoutMs ?? this.#statementMs(this.timeoutMs);
  }

  #statementMs(timeoutMs: number): number {
    return Math.max(1, timeoutMs - SERVER_MARGIN_MS);
  }

  #failed(error: unknown): Error {
    const told = storeError(error);
    this.#health?.failed(error, told.code === 'UNAVAILABLE' && !isCollision(error) && !isLocked(error));
    return told;
  }
}

/**
 * PostgreSQL's text holds no NUL: a name with one is stored, and looked for, with U+FFFD instead. (Message texts do not come here as they are: they are
 * stored as JSON, see messages.ts.)
 */
function storable(value: unknown): unknown {
  if (typeof value === 'string') return value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value;
  return Array.isArray(value) ? value.map(storable) : value;
}

/** What is measured of a store; each is called synchronously. */
export interface StoreObserver {
  /** A group was committed: its rows, and how long the statement took. */
  group(size: number, seconds: number): void;
  /** A statement or a connection failed. */
  error(): void;
  /** Whether the database answers: told when it changes, and with the first answer. */
  up(up: boolean): void;
}

/** Whether the database answers, as all pools of a store see it together: one line and one call at each change. */
export class StoreHealth {
  readonly #log: Logger | undefined;
  readonly #observe: StoreObserver | undefined;
  #up: boolean | undefined;

  constructor(log: Logger | undefined, observe: StoreObserver | undefined) {
    this.#log = log;
    this.#observe = observe;
  }

  /** A statement was answered. */
  answered(): void {
    if (this.#up === true) return;
    if (this.#up === false) this.#log?.info('the database answers again');
    this.#up = true;
    this.#observe?.up(true);
  }

  /** A statement or a connection failed. `away`: the database cannot be reached, or cannot serve. */
  failed(error: unknown, away: boolean): void {
    this.#observe?.error();
    if (!away || this.#up === false) return;
    this.#log?.warn({ err: error }, 'the database does not answer');
    this.#up = false;
    this.#observe?.up(false);
  }
}
