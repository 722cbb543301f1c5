import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { migrate } from '#libs/store/migrate.ts';
import { PostgresServer } from './postgres-server.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The superuser's URL of the PostgreSQL of this run. Its template is migrated. */
    postgresUrl: string;
  }
}

const TEMPLATE = 'parley_template';
/** The advisory lock in the database `postgres`. It allows one copy of the template at a time. */
const LOCK = 'SELECT pg_advisory_lock(731)';

/**
 * Makes the migrated database that `PostgresDatabase.create` copies. No process connects to it
 * afterwards: a connection would prevent the copy.
 */
async function makeTemplate(adminUrl: string): Promise<void> {
  await withClient(adminUrl, (client) => client.query(`CREATE DATABASE ${TEMPLATE}`));
  await migrate(databaseUrl(adminUrl, TEMPLATE));
  await withClient(adminUrl, (client) => client.query(`ALTER DATABASE ${TEMPLATE} ALLOW_CONNECTIONS false IS_TEMPLATE true`));
}

/**
 * Starts a server with a migrated template, for programs outside of vitest:
 * `PostgresDatabase.create({ adminUrl: server.url })`. End it with `stop`.
 */
export async function startPostgres(settings: Readonly<Record<string, string>> = {}): Promise<PostgresServer> {
  const server = await PostgresServer.start({ settings });
  try {
    await makeTemplate(server.url);
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** A migrated, empty database of a test's own. */
export class PostgresDatabase {
  /** The URL for a store, or for `DATABASE_URL` of a process. */
  readonly url: string;
  readonly name: string;
  readonly #adminUrl: string;

  private constructor(adminUrl: string, name: string) {
    this.#adminUrl = adminUrl;
    this.name = name;
    this.url = databaseUrl(adminUrl, name);
  }

  /**
   * Makes a database in about 100 ms. `empty`: without the schema. `adminUrl`: another server than
   * that of this vitest run.
   */
  static async create(options: { readonly adminUrl?: string; readonly empty?: boolean } = {}): Promise<PostgresDatabase> {
    const adminUrl = options.adminUrl ?? (await urlOfThisRun());
    const name = `test_${randomBytes(8).toString('hex')}`;
    await withClient(adminUrl, async (client) => {
      await client.query(LOCK);
      await client.query(`CREATE DATABASE ${name} TEMPLATE ${options.empty === true ? 'template0' : TEMPLATE}`);
    });
    return new PostgresDatabase(adminUrl, name);
  }

  /** Runs one statement on a connection of its own. Resolves with its rows. */
  async query(sql: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
    return withClient(this.url, async (client) => (await client.query(sql, [...values])).rows);
  }

  /** Removes the database and cuts off its connections. */
  async drop(): Promise<void> {
    await withClient(this.#adminUrl, (client) => client.query(`DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`));
  }
}

/** Runs one statement in a database, on a connection of its own. Resolves with its rows. */
export function queryAt(url: string, sql: string): Promise<unknown[]> {
  return withClient(url, async (client) => (await client.query(sql)).rows);
}

/** vitest is loaded only inside a run: other programs use this file, too. */
async function urlOfThisRun(): Promise<string> {
  const { inject } = await import('vitest');
  return inject('postgresUrl');
}

function databaseUrl(adminUrl: string, name: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
