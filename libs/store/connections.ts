/** Connections to the PostgreSQL server that takes writes, directly or through a pooler. */
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { type DatabaseTarget, type DatabaseTls, parseDatabaseUrl } from '#libs/config/database-url.ts';

/** The servers to connect to, and limits. */
export interface ConnectionsOptions {
  /** See `parseDatabaseUrl`. */
  readonly url: string;
  /** Most connections. */
  readonly poolSize: number;
  /** Milliseconds after which an attempt to connect is given up. */
  readonly connectMs: number;
  /** Limits of every statement. Undefined: no limits. */
  readonly limits: SessionLimits | undefined;
  readonly applicationName: string;
  /** Called when an idle connection breaks. */
  readonly onError: (error: unknown) => void;
}

/** Milliseconds. */
export interface SessionLimits {
  readonly statementMs: number;
  /** A process that freezes inside a transaction holds its locks no longer than this. */
  readonly idleInTransactionMs: number;
}

/**
 * The future of a connection. `keep`: it is used again. `close`: it is closed. `retire`: it is
 * closed, and so are all connections made together with it.
 */
export type ReleaseAction = 'keep' | 'close' | 'retire';

const IDLE_MS = 30_000;
/** Timers may fire this many milliseconds early. */
const TIMER_MS = 1;
/**
 * Attempts of one `acquire`: first on the current server, then on the server that a new search
 * finds.
 */
const TRIES = 3;
/** protocol_violation: a pooler answers it to start-up parameters that it does not know. */
const PARAMETER_REFUSED = '08P01';
/**
 * Whether the server takes writes (a standby is read-only, too), whether it applied the limit on
 * statements, and which of its processes serves the connection.
 */
const CHECK = `SELECT current_setting('transaction_read_only') = 'on' AS "readOnly", pg_backend_pid() AS pid,
  (extract(epoch FROM current_setting('statement_timeout')::interval) * 1000)::int AS "statementMs"`;

const INT8: number = pg.types.builtins.INT8;

/** Reads int8 as a number: offsets, times and counts are below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === INT8 && format !== 'binary' ? Number : pg.types.getTypeParser(oid, format ?? 'text')) as typeof pg.types.getTypeParser,
};

/** The connections to one server that were made since one of them failed last. */
interface Generation {
  readonly host: number;
  readonly pool: pg.Pool;
  /** Resolves once these connections are retired. */
  readonly retired: Promise<void>;
  readonly retire: () => void;
}

/**
 * Pools of connections, one for each server of the URL. All but one are empty, or become so soon.
 *
 * A server that takes no writes is left at once. If a connection fails, all connections made
 * together with it are left, because they lead to the same server. A busy server is not left: a
 * call that waits for a connection until its deadline gets an error, and all others wait on.
 */
export class Connections {
  /**
   * Whether limits hold for whole sessions. False behind a pooler: each transaction brings its own.
   */
  sessionLimits = true;
  /**
   * Whether a statement may be prepared under a name. False behind a pooler, which may give the next
   * statement to another server process.
   */
  namedStatements = true;
  readonly #target: DatabaseTarget;
  readonly #tls: ReturnType<typeof tlsOptions>;
  readonly #options: ConnectionsOptions;
  readonly #generations: Generation[];
  readonly #generationOf = new WeakMap<pg.PoolClient, Generation>();
  /** The generation that took writes last. */
  #current: Generation | undefined;
  #search: Promise<Generation> | undefined;
  readonly #ending = new Set<Promise<void>>();

  /**
   * Does not connect yet.
   * @throws UrlError for a bad URL; TypeError if a file that the URL names cannot be read.
   */
  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#target = parseDatabaseUrl(options.url);
    this.#tls = tlsOptions(this.#target.tls);
    this.sessionLimits = options.limits !== undefined;
    this.#generations = this.#target.hosts.map((_, host) => this.#open(host));
    if (this.#generations.length === 1) this.#current = this.#generations[0];
  }

  /**
   * Returns a connection of the pool, to be given back by `release`. Rejects at `deadline` (of
   * `performance.now()`) at the latest.
   */
  async acquire(deadline: number): Promise<pg.PoolClient> {
    for (let attempt = 1; ; attempt++) {
      let generation = this.#current;
      try {
        generation ??= await withDeadline(deadline, this.#find());
        const client = await this.#connect(generation, deadline);
        this.#generationOf.set(client, generation);
        return client;
      } catch (error) {
        if (this.#refusesLimits(error)) this.#forgetLimits();
        else if (generation === undefined || this.#current === generation) throw error;
        if (attempt >= TRIES || performance.now() >= deadline) throw error;
      }
    }
  }

  /** Connections that are idle and in use, and calls that wait for one. */
  counts(): { readonly idle: number; readonly busy: number; readonly waiting: number } {
    let [idle, busy, waiting] = [0, 0, 0];
    for (const { pool } of this.#generations) {
      idle += pool.idleCount;
      busy += pool.totalCount - pool.idleCount;
      waiting += pool.waitingCount;
    }
    return { idle, busy, waiting };
  }

  /** From now on no statement gets a name: an unnoticed pooler is in between. */
  forgetNames(): void {
    this.namedStatements = false;
  }

  /** Gives a connection back. */
  release(client: pg.PoolClient, action: ReleaseAction): void {
    client.release(action !== 'keep');
    const generation = this.#generationOf.get(client);
    if (action === 'retire' && generation !== undefined) this.#retire(generation);
  }

  /** Resolves when every connection is given back and closed. */
  async close(): Promise<void> {
    for (const { pool } of this.#generations) this.#end(pool);
    await Promise.all(this.#ending);
  }

  #open(host: number): Generation {
    const { hosts, user, password, database, applicationName } = this.#target;
    const { poolSize, connectMs, limits, onError } = this.#options;
    const pool = new pg.Pool({
      ...hosts[host],
      user,
      // A function: for an undefined password `pg` would look into the environment, and a text
      // would be in logged clients.
      ...(password === undefined ? {} : { password: () => password }),
      database,
      ...this.#tls,
      max: poolSize,
      connectionTimeoutMillis: connectMs,
      idleTimeoutMillis: IDLE_MS,
      application_name: applicationName ?? this.#options.applicationName,
      ...(limits === undefined || !this.sessionLimits
        ? {}
        : { statement_timeout: limits.statementMs, idle_in_transaction_session_timeout: limits.idleInTransactionMs }),
      keepAlive: true,
      types,
      onConnect: (client) => this.#check(client),
    });
    // For idle connections and busy ones: without a listener, an error event would end the process.
    pool.on('error', onError);
    pool.on('connect', (client) => client.on('error', () => undefined));
    const { promise: retired, resolve: retire } = Promise.withResolvers<void>();
    return { host, pool, retired, retire };
  }

  async #check(client: pg.ClientBase): Promise<void> {
    client.on('error', () => undefined);
    const config: pg.QueryConfig & { query_timeout: number } = { text: CHECK, query_timeout: this.#options.connectMs };
    const { rows } = await client.query<{ readOnly: boolean; pid: number; statementMs: number }>(config);
    const [row] = rows;
    if (row?.readOnly === true && this.#target.readWrite) throw new Error('this PostgreSQL takes no writes');
    // The server gives each connection the number of its own process. A pooler gives one of its own.
    if (row?.pid !== processIdOf(client)) this.namedStatements = false;
    // The pooler ignored the start-up parameters: a limit set for one session would hold for the
    // sessions of others.
    if (this.sessionLimits && row?.statementMs !== this.#options.limits?.statementMs) this.sessionLimits = false;
  }

  async #connect(generation: Generation, deadline: number): Promise<pg.PoolClient> {
    const { pool, retired } = generation;
    const { poolSize, connectMs } = this.#options;
    const started = performance.now();
    const queued = pool.idleCount > 0 || pool.totalCount >= poolSize;
    const connecting = pool.connect();
    connecting.catch((error: unknown) => {
      // This runs after the deadline, too. If the call queued for `connectMs`, the error means only
      // that all connections are in use.
      const busy = queued && performance.now() - started >= connectMs - TIMER_MS;
      if (this.#generations.length > 1 && !busy && !this.#refusesLimits(error)) this.#retire(generation);
    });
    try {
      return await withDeadline(deadline, Promise.race([connecting, retired.then(() => Promise.reject(new Error('the server was lost')))]));
    } catch (error) {
      // A connection that comes too late goes back to the pool.
      connecting.then(
        (client) => client.release(),
        () => undefined,
      );
      throw error;
    }
  }

  /** Asks all servers at once, and takes the first that takes writes. One search at a time. */
  #find(): Promise<Generation> {
    this.#search ??= this.#race().finally(() => {
      this.#search = undefined;
    });
    return this.#search;
  }

  async #race(): Promise<Generation> {
    const racing = [...this.#generations].map(async (generation) => {
      (await generation.pool.connect()).release();
      return generation;
    });
    try {
      this.#current = await Promise.any(racing);
      return this.#current;
    } catch (error) {
      const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
      const refused = errors.find((one) => this.#refusesLimits(one));
      throw (
        refused ?? new AggregateError(errors, `none of ${errors.length} PostgreSQL servers takes writes: ${errors.map(reason).join('; ')}`)
      );
    }
  }

  #retire(generation: Generation): void {
    const { host, pool, retire } = generation;
    if (this.#generations[host] !== generation) return;
    const next = this.#open(host);
    this.#generations[host] = next;
    if (this.#current === generation) this.#current = this.#generations.length === 1 ? next : undefined;
    retire();
    this.#end(pool);
  }

  #refusesLimits(error: unknown): boolean {
    return this.sessionLimits && error instanceof pg.DatabaseError && error.code === PARAMETER_REFUSED;
  }

  #forgetLimits(): void {
    this.sessionLimits = false;
    for (const generation of [...this.#generations]) this.#retire(generation);
  }

  #end(pool: pg.Pool): void {
    if (pool.ending) return;
    const ending: Promise<void> = pool
      .end()
      .catch(() => undefined)
      .finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}

function tlsOptions(tls: DatabaseTls | undefined): Pick<pg.PoolConfig, 'ssl' | 'sslnegotiation'> {
  if (tls === undefined) return { ssl: false };
  const file = (name: string, path: string | undefined): string | undefined => {
    try {
      return path === undefined ? undefined : readFileSync(path, 'utf8');
    } catch (error) {
      throw new TypeError(
        `DATABASE_URL names a file that cannot be read: ${name}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  };
  const ssl = {
    rejectUnauthorized: tls.verify,
    ca: file('sslrootcert', tls.caFile),
    cert: file('sslcert', tls.certFile),
    key: file('sslkey', tls.keyFile),
  };
  return { ssl, ...(tls.direct ? { sslnegotiation: 'direct' as const } : {}) };
}

/** The process that serves a connection, by its start-up. */
function processIdOf(client: pg.ClientBase): unknown {
  return 'processID' in client ? client.processID : undefined;
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Resolves as the promise does, or rejects at `deadline`, a moment of `performance.now()`. */
async function withDeadline<T>(deadline: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no connection in time')), Math.max(1, deadline - performance.now()));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
