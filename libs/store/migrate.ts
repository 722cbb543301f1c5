/** Brings a database up to the schema this version needs. */
import { fileURLToPath } from 'node:url';
import { PG_MIGRATE_LOCK_ID, runner } from 'node-pg-migrate';
import { Connections } from './connections.ts';
import { enterNames } from './names.ts';
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

/** The lock that earlier versions held for their session: theirs and ours exclude each other. */
const LOCK = `SELECT pg_advisory_xact_lock(${PG_MIGRATE_LOCK_ID})`;

/**
 * Runs the migrations that are missing, each database's one after the other: several processes may start at once, all but one wait for an advisory lock and
 * find nothing left to do. All of one run's migrations are one transaction, and the lock is that transaction's: behind a pooler nothing else is ours. Resolves
 * with the names of those it ran. Rejects with PostgreSQL's error; the URL stands in no message.
 */
export async function migrate(url: string, options: MigrateOptions = {}): Promise<string[]> {
  const log = options.log ?? (() => undefined);
  const connections = new Connections({
    url,
    poolSize: 1,
    connectMs: CONNECT_MS,
    limits: undefined,
    applicationName: 'parley-migrate',
    onError: () => undefined,
  });
  try {
    const client = await connections.acquire(performance.now() + CONNECT_MS);
    try {
      await client.query('BEGIN');
      await client.query(LOCK);
      // The runner's own BEGIN changes nothing inside of ours. It commits, but where there is nothing to run.
      const ran = await runner({
        dbClient: client,
        dir: MIGRATIONS,
        ignorePattern: '(?!.*\\.sql$).*',
        migrationsTable: TABLE,
        direction: 'up',
        singleTransaction: true,
        noLock: true,
        logger: { debug: () => undefined, info: () => undefined, warn: log, error: log },
      });
      await client.query('COMMIT');
      await client.query('BEGIN');
      await ensurePartitions(async (sql) => (await client.query(sql)).rows, (options.clock ?? Date.now)());
      await enterNames(async (sql, values) => (await client.query(sql, [...(values ?? [])])).rows);
      await client.query('COMMIT');
      const names = ran.map(({ name }) => name);
      for (const name of names) log(`migrated ${name}`);
      return names;
    } finally {
      connections.release(client, 'close');
    }
  } finally {
    await connections.close();
  }
}
