import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { cleanEnv, PostgresProgram } from '#libs/store/postgres-program.ts';
import { Child } from './child.ts';
import { freePort } from './free-port.ts';
import { makeReachable, removeFolder } from './temp-folder.ts';
import { until } from './wait.ts';

const READY_MS = 60_000;
const USER = 'parley';
const PASSWORD = 'test';
/**
 * The write-ahead log survives a kill -9 of the processes also without fsync: the operating system
 * has it.
 */
const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  max_connections: '400',
  shared_buffers: '64MB',
  max_wal_size: '2GB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  log_min_messages: 'fatal',
};

/** The settings of a server with standbys. */
export const REPLICATED = { wal_level: 'replica', max_wal_senders: '4', hot_standby: 'on', fsync: 'off' };

/** Options of `PostgresServer`. */
export interface PostgresServerOptions {
  /** Settings of postgresql.conf on top of the launcher's own: `{ fsync: 'on' }` for measuring. */
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * A real PostgreSQL on 127.0.0.1 with a temporary folder of its own. It ends with the process that
 * started it, even if that process is killed. Data outlives `kill9` and `shutDown`, until `stop`.
 */
export class PostgresServer {
  readonly port: number;
  readonly #folder: string;
  readonly #program: PostgresProgram;
  readonly #settings: Readonly<Record<string, string>>;
  #child: Child | undefined;
  #frozen: readonly number[] = [];

  private constructor(port: number, folder: string, program: PostgresProgram, settings: Readonly<Record<string, string>>) {
    this.port = port;
    this.#folder = folder;
    this.#program = program;
    this.#settings = settings;
  }

  /** Starts an empty server. Resolves when it answers, after about a second. */
  static async start(options: PostgresServerOptions = {}): Promise<PostgresServer> {
    const program = await PostgresProgram.find({ report: (line) => process.stderr.write(`parley: ${line}\n`) });
    const folder = await makeReachable('parley-postgres-', program);
    const server = new PostgresServer(await freePort(), folder, program, { ...SETTINGS, ...options.settings });
    try {
      program.makeFolder(folder);
      program.makeFolder(server.#data);
      await program.initialise(server.#data, { user: USER, password: PASSWORD, sync: false });
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /**
   * Makes a hot standby of this server: a copy of its files that follows it. This server must be
   * started with `REPLICATED`, and is down during the copy. `promote` makes the standby
   * independent.
   */
  async standby(): Promise<PostgresServer> {
    const folder = await makeReachable('parley-postgres-', this.#program);
    const server = new PostgresServer(await freePort(), folder, this.#program, {
      ...this.#settings,
      primary_conninfo: `host=127.0.0.1 port=${this.port} user=${USER} password=${PASSWORD}`,
    });
    this.#program.makeFolder(folder);
    this.#program.makeFolder(server.#data);
    await this.shutDown();
    cpSync(this.#data, server.#data, { recursive: true });
    writeFileSync(join(server.#data, 'standby.signal'), '');
    this.#own(server.#data);
    await this.start();
    await server.start();
    return server;
  }

  /**
   * Copies its files while it runs, as `pg_basebackup` does. Resolves with the folder of the copy,
   * which `stop` removes. Start the server with `REPLICATED`.
   */
  async backUp(): Promise<string> {
    const folder = join(this.#folder, `backup-${Date.now()}`);
    const client = new pg.Client({ connectionString: this.url });
    await client.connect();
    try {
      await client.query(`SELECT pg_backup_start('test', fast => true)`);
      await cp(this.#data, folder, { recursive: true, filter: (path) => !path.endsWith('postmaster.pid') });
      const { rows } = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)');
      writeFileSync(join(folder, 'backup_label'), rows[0]?.labelfile ?? '');
      // The write-ahead log up to the end of the backup.
      await cp(join(this.#data, 'pg_wal'), join(folder, 'pg_wal'), { recursive: true });
      return folder;
    } finally {
      await client.end();
    }
  }

  /** Shuts it down and starts it with the files of a backup. */
  async restore(backup: string): Promise<void> {
    await this.shutDown();
    removeFolder(this.#data);
    await cp(backup, this.#data, { recursive: true });
    this.#own(this.#data);
    await this.start();
  }

  /** Resolves once this standby takes writes. */
  async promote(): Promise<void> {
    await this.query('SELECT pg_promote()');
  }

  /** The URL of the database `postgres`. Tests with a server of their own may use any database. */
  get url(): string {
    return this.urlOf('postgres');
  }

  urlOf(database: string): string {
    return `postgres://${USER}:${PASSWORD}@127.0.0.1:${this.port}/${database}`;
  }

  /** The server's first process; 0 if none runs. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Its log so far. */
  get output(): string {
    return this.#child?.output ?? '';
  }

  /**
   * Starts it again on the same port with the same data, after `kill9` or `shutDown`. Resolves when
   * it answers.
   */
  async start(): Promise<void> {
    if (this.#child !== undefined && !this.#child.ended) return;
    const args = PostgresProgram.arguments(this.#data, this.port, this.#settings);
    const { account, server } = this.#program;
    const who = account === undefined ? [] : [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'];
    // setpriv runs again: a change of the account clears the parent-death signal.
    const command = who.length === 0 ? [server, ...args] : ['setpriv', ...who, '--pdeathsig', 'QUIT', '--', server, ...args];
    const child = new Child(command[0] ?? server, command.slice(1), { cwd: this.#data, env: cleanEnv() });
    this.#child = child;
    await until(
      async () => {
        if (child.ended) return true;
        await this.query('SELECT 1');
        return true;
      },
      { timeoutMs: READY_MS, describe: () => `PostgreSQL ready on ${this.port}\n${child.output}` },
    );
    if (child.ended) throw new Error(`PostgreSQL ended at start:\n${child.output}`);
  }

  /** Sends SIGKILL to all of its processes. Resolves when they are gone. */
  async kill9(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Shuts it down in order and ends running statements (`pg_ctl stop -m fast`). */
  async shutDown(): Promise<void> {
    this.thaw();
    await this.#end('SIGINT');
  }

  /**
   * Freezes all of its processes. Connections stay open, the kernel accepts new ones, and no answer
   * comes.
   */
  freeze(): void {
    const pids = this.#pids();
    this.#frozen = pids;
    for (const pid of pids) signal(pid, 'SIGSTOP');
  }

  thaw(): void {
    for (const pid of this.#frozen.toReversed()) signal(pid, 'SIGCONT');
    this.#frozen = [];
  }

  /** Runs one statement on a connection of its own. Resolves with its rows. */
  async query(sql: string, values: readonly unknown[] = [], database = 'postgres'): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.urlOf(database), connectionTimeoutMillis: 5000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return (await client.query(sql, [...values])).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /** Ends it and removes its files. May be called again. */
  async stop(): Promise<void> {
    await this.kill9();
    removeFolder(this.#folder);
  }

  /** Gives files to the account that runs the server. */
  #own(folder: string): void {
    const { account } = this.#program;
    if (account !== undefined) execFileSync('chown', ['-R', `${account.uid}:${account.gid}`, folder]);
  }

  get #data(): string {
    return join(this.#folder, 'data');
  }

  async #end(how: 'SIGKILL' | 'SIGINT'): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const pids = this.#pids();
    for (const pid of how === 'SIGKILL' ? pids : pids.slice(0, 1)) signal(pid, how);
    this.#frozen = [];
    await child.exited;
    await until(() => pids.every((pid) => !isAlive(pid)), { describe: `processes ${pids.join(', ')} gone` });
    this.#child = undefined;
  }

  /** The first process and, on Linux, its children. */
  #pids(): number[] {
    const child = this.#child;
    if (child === undefined || child.ended || child.pid === 0) return [];
    return [child.pid, ...childrenOf(child.pid)];
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile.
  }
}

function isAlive(pid: number): boolean {
  try {
    // A zombie whose parent has not collected it yet is harmless.
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
