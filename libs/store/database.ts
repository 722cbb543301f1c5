/** The pool of connections: every statement of the store goes through here. */
import pg from 'pg';
import { isCollision, isLocked, storeError } from './store-error.ts';
import type { StoreHealth } from './store-health.ts';

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
/** A process that is frozen in the middle of a transaction holds its locks no longer than this. */
const IDLE_TRANSACTION_MS = 5000;
const IDLE_MS = 30_000;
const CLOSE_MS = 5000;
/** How often a transaction is tried where others stand in its way. */
const TRIES = 3;

const INT8: number = pg.types.builtins.INT8;

/** int8 as a number: offsets, times and counts are below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === INT8 && format !== 'binary' ? Number : pg.types.getTypeParser(oid, format ?? 'text')) as typeof pg.types.getTypeParser,
};

/**
 * Statements over a pool. Never hangs: a call rejects with `HubError` `UNAVAILABLE` after the timeout at the latest, whether the server is gone, frozen or
 * busy; a connection that did not answer is thrown away. Breaking connections end no process.
 */
export class Database {
  readonly timeoutMs: number;
  readonly #pool: pg.Pool;
  readonly #health: StoreHealth | undefined;

  constructor(options: DatabaseOptions) {
    this.timeoutMs = options.timeoutMs;
    this.#health = options.health;
    this.#pool = new pg.Pool({
      connectionString: options.url,
      max: options.poolSize,
      connectionTimeoutMillis: options.timeoutMs,
      idleTimeoutMillis: IDLE_MS,
      statement_timeout: Math.max(1, options.timeoutMs - SERVER_MARGIN_MS),
      idle_in_transaction_session_timeout: IDLE_TRANSACTION_MS,
      application_name: 'parley',
      keepAlive: true,
      types,
    });
    // Idle ones, and those at work: without a listener an error event would end the process.
    this.#pool.on('error', (error) => this.#failed(error));
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /** One statement, committed when it resolves. */
  query<R extends Row = Row>(sql: string, values: readonly unknown[] = [], options: CallOptions = {}): Promise<R[]> {
    return this.use((query) => query<R>(sql, values), options);
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
            await query(
              options.timeoutMs === undefined ? 'BEGIN' : `BEGIN; SET LOCAL statement_timeout = ${Math.trunc(options.timeoutMs)}`,
            );
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
    const client = await this.#connect(deadline);
    let broken = false;
    const query: Query = async <R extends Row>(sql: string, values: readonly unknown[] = []) => {
      try {
        // @types/pg does not know that a timeout may be given with a query, too.
        const config: pg.QueryConfig & { query_timeout: number } = {
          text: sql,
          values: values.map(storable),
          query_timeout: Math.max(1, deadline - performance.now()),
        };
        const { rows } = await client.query<R>(config);
        this.#health?.answered();
        return rows;
      } catch (error) {
        // Only after an error of the server's own does the connection go on.
        broken ||= !(error instanceof pg.DatabaseError) || /^(08|53|57P|58|XX)/.test(error.code ?? '');
        throw this.#failed(error);
      }
    };
    try {
      return await work(query);
    } finally {
      client.release(broken);
    }
  }

  /** Closes all connections; calls under way end first, for a few seconds. */
  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
    });
    await Promise.race([this.#pool.end(), late]);
    clearTimeout(timer);
  }

  async #connect(deadline: number): Promise<pg.PoolClient> {
    const connecting = this.#pool.connect();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('no connection in time')), Math.max(1, deadline - performance.now()));
    });
    try {
      return await Promise.race([connecting, late]);
    } catch (error) {
      // One that comes after all goes back to the pool.
      connecting.then(
        (client) => client.release(),
        () => undefined,
      );
      throw this.#failed(error);
    } finally {
      clearTimeout(timer);
    }
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
