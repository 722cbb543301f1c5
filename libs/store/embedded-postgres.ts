/** The all-in-one's own PostgreSQL, used if `DATABASE_URL` is not set. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '#libs/telemetry/logger.ts';
import { dataPlace, ownerOfData } from './data-place.ts';
import { EmbeddedFolder, USER } from './embedded-folder.ts';
import { cleanEnv, PostgresProgram } from './postgres-program.ts';
import { hasEnded, type Postmaster, runningPostmaster, signalPostmaster, stopPostmaster } from './postmaster.ts';

const DATABASE = 'parley';
/**
 * The program that uses the folder takes this lock on an open connection. The lock ends with the
 * program, however that ends.
 */
const CLAIM = 'SELECT pg_try_advisory_lock(7250113, 4) AS mine';
const SETTINGS = { max_connections: '60', max_parallel_workers_per_gather: '0', log_min_messages: 'warning' };

const START_MS = 60_000;
const CONNECT_MS = 5000;
const RETRY_MS = 200;
const STOP_MS = 20_000;
/** Milliseconds between two attempts to restart a server that ended by itself. */
const REVIVE_MS = 1000;

/** A running embedded server. */
export interface EmbeddedPostgres {
  /** For `migrate` and `openStore`. Contains the password: never log it. */
  readonly url: string;
  /** Ends the server, with everything written to disk. Close the store first. */
  stop(): Promise<void>;
}

/** Another running program uses the folder. */
export class FolderInUseError extends Error {
  override readonly name = 'FolderInUseError';

  constructor(folder: string) {
    super(`Another copy of Parley uses ${folder}: stop it, start this one in a folder of its own, or set DATABASE_URL.`);
  }
}

/**
 * Starts the PostgreSQL that keeps its data in `folder`, on a free port of 127.0.0.1, with a
 * password that the folder keeps.
 *
 * If a killed program left a server running, this one takes it over. If the server ends by itself,
 * it is started again. If its account cannot reach `folder`, the data is elsewhere and `folder` is
 * a link to it (`dataPlace`).
 *
 * Rejects with `FolderInUseError` if a running program uses the folder, with `ConfigError` if this
 * machine cannot run PostgreSQL, and with `Error` (with the end of the server's log) if the server
 * does not start.
 */
export async function startEmbedded(folder: string, log: Logger): Promise<EmbeddedPostgres> {
  const report = (line: string): void => log.info(line);
  const program = await PostgresProgram.find({ owner: ownerOfData(folder), report });
  const server = new EmbeddedServer(new EmbeddedFolder(await dataPlace(folder, program, report), program), program, log);
  await server.start();
  return server;
}

class EmbeddedServer implements EmbeddedPostgres {
  readonly #folder: EmbeddedFolder;
  readonly #program: PostgresProgram;
  readonly #log: Logger;
  #port = 0;
  /** The connection that holds the claim. */
  #claim: pg.Client | undefined;
  /** The process id of a server that was started here and is not claimed yet. */
  #launched: number | undefined;
  #stopping = false;
  #reviving: Promise<void> | undefined;

  constructor(folder: EmbeddedFolder, program: PostgresProgram, log: Logger) {
    this.#folder = folder;
    this.#program = program;
    this.#log = log;
  }

  get url(): string {
    return this.#urlOf(DATABASE);
  }

  async start(): Promise<void> {
    // The server has a process group of its own: without this hook it would outlive a program that
    // ends before `stop`.
    process.once('exit', this.#abandon);
    if (!this.#folder.hasData) {
      this.#log.info({ folder: this.#folder.path }, 'making a database: this takes a few seconds, the first time only');
      await this.#folder.initialise();
    }
    await this.#bringUp();
    this.#log.info({ folder: this.#folder.path, port: this.#port }, 'the embedded database is ready');
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#reviving;
    const claim = this.#claim;
    this.#claim = undefined;
    if (claim === undefined) return;
    const running = runningPostmaster(this.#folder.data);
    // The claim is kept until the end: no program joins a server that shuts down.
    if (running !== undefined) await stopPostmaster(running, STOP_MS);
    await claim.end().catch(() => undefined);
    process.off('exit', this.#abandon);
  }

  /** Tells the server to end, and does not wait for it. */
  readonly #abandon = (): void => {
    const pid = this.#claim === undefined ? this.#launched : runningPostmaster(this.#folder.data)?.pid;
    if (pid !== undefined) signalPostmaster(pid, 'SIGINT');
  };

  /** Joins a running server, or starts one, and claims it. */
  async #bringUp(): Promise<void> {
    const end = performance.now() + START_MS;
    for (;;) {
      const running = runningPostmaster(this.#folder.data) ?? (await this.#launch());
      const claimed = running === undefined ? false : await this.#claimOf(running);
      if (claimed) return;
      if (performance.now() > end) throw new Error(`The embedded PostgreSQL does not start:\n${this.#folder.logTail()}`);
      await sleep(RETRY_MS);
    }
  }

  /**
   * Starts a server. Resolves with it once its folder names it. Undefined if it ended at once: a
   * concurrent start may have been faster.
   */
  async #launch(): Promise<Postmaster | undefined> {
    const port = await freePort(this.#port);
    const output = openSync(this.#folder.log, 'w', 0o600);
    // A process group of its own: Ctrl+C in a terminal ends this program, which closes the store
    // before it ends the server.
    const child = spawn(this.#program.server, PostgresProgram.arguments(this.#folder.data, port, SETTINGS), {
      ...this.#program.account,
      cwd: this.#folder.data,
      env: cleanEnv(),
      detached: true,
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    this.#launched = child.pid;
    const ended = new Promise<true>((resolve) => {
      child.once('exit', () => {
        if (this.#launched === child.pid) this.#launched = undefined;
        resolve(true);
      });
      child.once('error', (error) => {
        this.#log.error({ err: error }, 'the embedded database cannot be started');
        resolve(true);
      });
    });
    child.unref();
    for (;;) {
      if (await Promise.race([ended, sleep(RETRY_MS, false)])) return undefined;
      const running = runningPostmaster(this.#folder.data);
      if (running !== undefined && running.port > 0) return running;
    }
  }

  /**
   * Connects and claims. False if the server does not answer yet, or shuts down. Throws
   * `FolderInUseError` if another program has the claim.
   */
  async #claimOf(running: Postmaster): Promise<boolean> {
    const isFirst = this.#port === 0;
    // The URL that callers have names the old port: a server on another port is of no use.
    if (!isFirst && running.port !== this.#port) await stopPostmaster(running, STOP_MS);
    this.#port = running.port;
    const client = new pg.Client({ connectionString: this.#urlOf('postgres'), connectionTimeoutMillis: CONNECT_MS, keepAlive: true });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query<{ mine: boolean }>(CLAIM);
      if (rows[0]?.mine !== true) throw new FolderInUseError(this.#folder.path);
      const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
      if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
    } catch (error) {
      if (isFirst) this.#port = 0;
      // Another program uses the server, even if this process started it.
      if (error instanceof FolderInUseError) this.#launched = undefined;
      await client.end().catch(() => undefined);
      if (error instanceof FolderInUseError || isPasswordRefused(error)) throw error;
      if (await hasEnded(running.pid, 0)) this.#log.warn({ err: error }, 'the embedded database ended while it started');
      return false;
    }
    this.#claim = client;
    this.#launched = undefined;
    client.once('end', () => this.#lost(client));
    return true;
  }

  #lost(client: pg.Client): void {
    if (this.#stopping || this.#claim !== client) return;
    this.#claim = undefined;
    this.#log.warn('the embedded database ended and is restarted');
    this.#reviving = this.#revive().finally(() => {
      this.#reviving = undefined;
    });
  }

  async #revive(): Promise<void> {
    while (!this.#stopping) {
      try {
        await this.#bringUp();
        this.#log.info('the embedded database is back');
        return;
      } catch (error) {
        this.#log.error({ err: error }, 'the embedded database does not start');
        await sleep(REVIVE_MS);
      }
    }
  }

  #urlOf(database: string): string {
    return `postgres://${USER}:${this.#folder.password()}@127.0.0.1:${this.#port}/${database}`;
  }
}

/** invalid_password: somebody changed the folder's password file. */
function isPasswordRefused(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '28P01';
}

/** Returns a free TCP port of 127.0.0.1, or `wanted` if it is not 0. */
function freePort(wanted: number): Promise<number> {
  if (wanted !== 0) return Promise.resolve(wanted);
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}
