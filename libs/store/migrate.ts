/** Brings a database up to the schema this version needs. */
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { ensurePartitions } from './partitions.ts';

const MIGRATIONS = fileURLToPath(new URL('./migrations', import.meta.url));
const TABLE = 'schema_migrations';
const CONNECT_MS = 10_000;

export interface MigrateOptions {
  /** Called with one line for each step. Default: nothing is told. */
  readonly log?: (line: string) => void;
  /** Milliseconds; partitions are made for this month and the next two. Default `Date.now`. */
  readonly clock?: () => number;
}

/**
 * Runs the migrations that are missing, each database's one after the other: several processes may start at once, all but one wait for an advisory lock and
 * find nothing left to do. All of one run's migrations are one transaction. Resolves with the names of those it ran. Rejects with PostgreSQL's error; the
 * URL stands in no message.
 */
export async function migrate(url: string, options: MigrateOptions = {}): Promise<string[]> {
  const log = options.log ?? (() => undefined);
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_MS, application_name: 'parley-migrate' });
  // A connection that breaks rejects the query under way; the event itself would end the process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    // The lock is the session's: it goes with the connection where this process dies.
    const ran = await runner({
      dbClient: client,
      dir: MIGRATIONS,
      ignorePattern: '(?!.*\\.sql$).*',
      migrationsTable: TABLE,
      direction: 'up',
      singleTransaction: true,
      advisoryLockMode: 'wait',
      logger: { debug: () => undefined, info: () => undefined, warn: log, error: log },
    });
    await client.query('BEGIN');
    await ensurePartitions(async (sql) => (await client.query(sql)).rows, (options.clock ?? Date.now)());
    await client.query('COMMIT');
    const names = ran.map(({ name }) => name);
    for (const name of names) log(`migrated ${name}`);
    return names;
  } finally {
    await client.end();
  }
}
