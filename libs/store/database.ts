/** The pool of connections. Every statement of the store goes through it. */

import pg from 'pg';
import { HubError } from '#libs/protocol/errors.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import { Connections, type ReleaseAction } from './connections.ts';
import { StatementNames } from './statement-names.ts';

/**
 * SQLSTATE classes of a bad request: data exceptions, constraints, program limits. PostgreSQL's
 * manual, appendix A.
 */
const WRONG_REQUEST = ['22', '23', '54'];

/** serialization_failure, deadlock_detected: a retry succeeds. */
const AGAIN = ['40001', '40P01'];
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Turns an error of the database or a connection into the port's: `INVALID_REQUEST` if no retry can
 * help, otherwise `UNAVAILABLE`.
 */
export function storeError(error: unknown): HubError {
  if (error instanceof HubError) return error;
  const wrong = WRONG_REQUEST.includes(sqlState(error).slice(0, 2));
  return new HubError(wrong ? 'INVALID_REQUEST' : 'UNAVAILABLE', wrong ? undefined : 'The database is away: try again.', { cause: error });
}

/** Whether another transaction was in the way, so that a retry can succeed at once. */
export function isCollision(error: unknown): boolean {
  return AGAIN.includes(sqlState(error instanceof HubError ? error.cause : error));
}

/** Whether `lock_timeout` ended the wait for a lock: another process works on the table. */
export function isLocked(error: unknown): boolean {
  return sqlState(error instanceof HubError ? error.cause : error) === LOCK_NOT_AVAILABLE;
}

/** The SQLSTATE. Empty if the error is not the database's. */
function sqlState(error: unknown): string {
  return error instanceof pg.DatabaseError ? (error.code ?? '') : '';
}

/** The database, and the limits of its calls. */
export interface DatabaseOptions {
  readonly url: string;
  /** Most connections. */
  readonly poolSize: number;
  /** Milliseconds after which a call rejects with `UNAVAILABLE`. */
  readonly timeoutMs: number;
  /** Learns how statements and connections go. */
  readonly health?: StoreHealth | undefined;
  /** The name of the pool, for metrics. */
  readonly pool: PoolName;
  readonly observe?: StoreObserver | undefined;
}

/** A row by its column names. */
export type Row = Record<string, unknown>;

/**
 * Runs one statement with `$1`, `$2` ... and resolves with its rows. bigint columns come as
 * numbers. `name`: see `CallOptions`.
 */
export type Query = <R extends Row = Row>(sql: string, values?: readonly unknown[], name?: string) => Promise<R[]>;

/** Limits of one call. */
export interface CallOptions {
  /**
   * A moment of `performance.now()` at which the call rejects. Default: the pool's timeout from
   * now.
   */
  readonly deadline?: number;
  /** Milliseconds in place of the pool's timeout, for the server's limit, too. For upkeep. */
  readonly timeoutMs?: number;
  /**
   * Each connection prepares the statement once under this name, so that the server need not plan it
   * each time. Without effect behind a pooler. One name, one text. For statements that run often:
   * a plan that the server keeps does not know the values.
   */
  readonly name?: string;
}

/** Milliseconds that the server's limit is below ours, so that its work ends with the call. */
const SERVER_MARGIN_MS = 250;
/** See `SessionLimits`. */
const IDLE_TRANSACTION_MS = 5000;
const CLOSE_MS = 5000;
/** Timers may fire this many milliseconds early. */
const TIMER_MS = 1;
/** Attempts of a transaction that collides with others. */
const TRIES = 3;
/**
 * SQLSTATEs after which a connection is of no use: connection exceptions, insufficient resources,
 * shutdown, system and internal errors, and read_only_sql_transaction: the server is a standby now.
 */
const LOST = /^(08|53|57P|58|XX|25006)/;
/**
 * invalid_sql_statement_name, duplicate_prepared_statement: another server process than the one that
 * prepared the statement, so there is a pooler in between.
 */
const NAME_LOST = ['26000', '42P05'];

/**
 * Runs statements over a pool.
 *
 * Never hangs: a call rejects with `HubError` `UNAVAILABLE` at its timeout at the latest, whether
 * the server is gone, frozen or busy. If a statement is given up, its connection is closed. All
 * connections made beside it are left, too, if it broke, if its server takes no writes, or if no
 * statement was answered for longer than the server lets one run. A broken connection never ends
 * the process.
 */
export class Database {
  readonly timeoutMs: number;
  readonly #connections: Connections;
  readonly #health: StoreHealth | undefined;
  readonly #pool: PoolName;
  readonly #observe: StoreObserver | undefined;
  readonly #names = new StatementNames();
  /** When any statement was answered last, a moment of `performance.now()`. */
  #answeredAt = 0;

  constructor(options: DatabaseOptions) {
    this.timeoutMs = options.timeoutMs;
    this.#health = options.health;
    this.#pool = options.pool;
    this.#observe = options.observe;
    this.#connections = new Connections({
      url: options.url,
      poolSize: options.poolSize,
      connectMs: options.timeoutMs,
      limits: { statementMs: this.#statementMs(options.timeoutMs), idleInTransactionMs: IDLE_TRANSACTION_MS },
      applicationName: 'parley',
      onError: (error) => this.#failed(error),
    });
    this.#watch(options.poolSize);
  }

  /** Runs one statement. It is committed when this resolves. */
  query<R extends Row = Row>(sql: string, values: readonly unknown[] = [], options: CallOptions = {}): Promise<R[]> {
    const work = (query: Query): Promise<R[]> => query<R>(sql, values, options.name);
    return this.#connections.sessionLimits ? this.use(work, options) : this.transaction(work, options);
  }

  /** The first row of a statement, or undefined. */
  async first<R extends Row = Row>(sql: string, values: readonly unknown[] = []): Promise<R | undefined> {
    return (await this.query<R>(sql, values))[0];
  }

  /**
   * Runs `work` in one transaction (read committed), and rolls back if it throws. Runs it again if
   * another transaction collides with it: `work` must do nothing but query.
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

  /**
   * Runs several statements on one connection, within one timeout. Errors of `work` itself pass
   * through.
   */
  async use<T>(work: (query: Query) => Promise<T>, options: CallOptions = {}): Promise<T> {
    const deadline = options.deadline ?? performance.now() + (options.timeoutMs ?? this.timeoutMs);
    const asked = performance.now();
    const client = await this.#connections.acquire(deadline).catch((error: unknown) => {
      throw this.#failed(error);
    });
    this.#observe?.waited(this.#pool, (performance.now() - asked) / 1000);
    let action: ReleaseAction = 'keep';
    const query: Query = async <R extends Row>(sql: string, values: readonly unknown[] = [], name?: string) => {
      const sent = performance.now();
      const allowedMs = Math.max(1, deadline - sent);
      try {
        // @types/pg does not know that a query takes a timeout, too.
        const config: pg.QueryConfig & { query_timeout: number } = {
          text: sql,
          values: values.map(storable),
          query_timeout: allowedMs,
          ...(name !== undefined && this.#connections.namedStatements ? { name } : {}),
        };
        const { rows } = await client.query<R>(config);
        this.#answeredAt = performance.now();
        this.#health?.answered();
        return rows;
      } catch (error) {
        if (error instanceof pg.DatabaseError) this.#answeredAt = performance.now();
        if (name !== undefined && NAME_LOST.includes(sqlState(error))) this.#connections.forgetNames();
        if (action !== 'retire')
          action = this.#actionAfter(error, { sent, allowedMs, serverMs: this.#serverMs(options.timeoutMs) }) ?? action;
        throw this.#failed(error);
      } finally {
        this.#observe?.statement(this.#names.of(sql), (performance.now() - sent) / 1000);
      }
    };
    try {
      return await work(query);
    } finally {
      this.#connections.release(client, action);
    }
  }

  /** Closes all connections. Waits a few seconds for running calls. */
  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
    });
    await Promise.race([this.#connections.close(), late]);
    clearTimeout(timer);
  }

  #watch(poolSize: number): void {
    const pool = this.#pool;
    for (const state of ['idle', 'busy', 'waiting'] as const)
      this.#observe?.watch('storeConnections', { pool, state }, () => this.#connections.counts()[state]);
    this.#observe?.watch('storeConnectionsMax', { pool }, () => poolSize);
  }

  /**
   * The beginning of a transaction. Behind a pooler it sets the limits that sessions have
   * elsewhere.
   */
  #begin(timeoutMs: number | undefined): string {
    const set = (name: string, milliseconds: number): string => `; SET LOCAL ${name} = ${Math.trunc(milliseconds)}`;
    if (this.#connections.sessionLimits) return timeoutMs === undefined ? 'BEGIN' : `BEGIN${set('statement_timeout', timeoutMs)}`;
    return `BEGIN${set('statement_timeout', this.#serverMs(timeoutMs))}${set('idle_in_transaction_session_timeout', IDLE_TRANSACTION_MS)}`;
  }

  /** What to do with the connection after an error. Undefined: nothing. */
  #actionAfter(
    error: unknown,
    { sent, allowedMs, serverMs }: { readonly sent: number; readonly allowedMs: number; readonly serverMs: number },
  ): ReleaseAction | undefined {
    // The connection stays in use only after an error that the server itself reported, and only if
    // the server takes writes.
    if (error instanceof pg.DatabaseError) return LOST.test(error.code ?? '') ? 'retire' : undefined;
    const givenUp = performance.now() - sent >= allowedMs - TIMER_MS;
    // If the caller had little time left, or if other statements were answered meanwhile, the
    // server may be well.
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
    const reported = storeError(error);
    this.#health?.failed(error, reported.code === 'UNAVAILABLE' && !isCollision(error) && !isLocked(error));
    return reported;
  }
}

/**
 * PostgreSQL's text cannot hold NUL: each is replaced by U+FFFD, for storing and for searching.
 * Message texts are stored as JSON and come through unchanged (messages.ts).
 */
function storable(value: unknown): unknown {
  if (typeof value === 'string') return value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value;
  return Array.isArray(value) ? value.map(storable) : value;
}

/** The pools of a store: for the ways of messages, for followers of changes, and for all else. */
export type PoolName = 'general' | 'messaging' | 'following';

/** Gauges that are read at each scrape. */
export type StoreGauge = 'storeConnections' | 'storeConnectionsMax' | 'storeQueue' | 'storeQueueMax';

/** Hooks for the metrics of a store. Each is called synchronously. */
export interface StoreObserver {
  /** A statement was answered or failed. `statement`: see `StatementNames`. */
  statement(statement: string, seconds: number): void;
  /** A call waited for a connection. */
  waited(pool: PoolName, seconds: number): void;
  /** `read` returns the value of a gauge from now on. */
  watch(gauge: StoreGauge, labels: Readonly<Record<string, string>>, read: () => number): void;
  /** A group was committed: its rows, and the duration of the statement. */
  group(size: number, seconds: number): void;
  /** A statement or a connection failed. */
  error(): void;
  /** Whether the database answers. Called with the first answer, and at each change. */
  up(up: boolean): void;
}

/**
 * Whether the database answers, over all pools of a store. Each change is logged and reported once.
 */
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

  /**
   * A statement or a connection failed. `away`: the database cannot be reached, or cannot serve.
   */
  failed(error: unknown, away: boolean): void {
    this.#observe?.error();
    if (!away || this.#up === false) return;
    this.#log?.warn({ err: error }, 'the database does not answer');
    this.#up = false;
    this.#observe?.up(false);
  }
}
