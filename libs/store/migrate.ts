/** Brings a database up to the schema of this version. */

import { setTimeout as delay } from 'node:timers/promises';
import { PG_MIGRATE_LOCK_ID, runner } from 'node-pg-migrate';
import type pg from 'pg';
import { enterNames } from './accounts.ts';
import { onOneConnection } from './one-connection.ts';
import { ensurePartitions } from './partitions.ts';
import { MIGRATIONS, MIGRATIONS_TABLE } from './schema.ts';

/** Reports and the clock of `migrate`. */
export interface MigrateOptions {
  /** Called with a line for each step. Default: none. */
  readonly log?: (line: string) => void;
  /**
   * Called with a line at once, and then every five seconds, while another process migrates.
   * Default: none.
   */
  readonly waiting?: (line: string) => void;
  /** Unix milliseconds. Partitions are made for this month and the next two. Default `Date.now`. */
  readonly now?: () => number;
}

/** The lock that earlier versions held for their session: the two versions exclude each other. */
const LOCK = `SELECT pg_try_advisory_xact_lock(${PG_MIGRATE_LOCK_ID}) AS locked`;
const LOCK_HOLDER = `
  SELECT pid FROM pg_locks
   WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND ((classid::bigint << 32) | objid::bigint) = ${PG_MIGRATE_LOCK_ID}
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
/** Milliseconds between two attempts to take the lock, and between two lines about waiting. */
const TRY_MS = 100;
const TELL_MS = 5000;
/** A process that freezes while it migrates blocks the others no longer than this. */
const BEGIN = `BEGIN; SET LOCAL idle_in_transaction_session_timeout = '60s'`;

/**
 * Runs the missing migrations.
 *
 * Several processes may start at once: one migrates, the others wait for an advisory lock and find
 * nothing left to do. All migrations of a run are one transaction, which holds the lock, because
 * behind a pooler a session is not ours.
 *
 * Resolves with the names of the migrations it ran. Rejects with PostgreSQL's error, whose message
 * does not contain the URL.
 */
export async function migrate(url: string, options: MigrateOptions = {}): Promise<string[]> {
  const log = options.log ?? (() => undefined);
  return onOneConnection(url, async (client) => {
    await client.query(BEGIN);
    await lock(client, options.waiting ?? (() => undefined));
    // The runner's own BEGIN changes nothing inside our transaction. Its COMMIT ends it, unless
    // there was nothing to run.
    const ran = await runner({
      dbClient: client,
      dir: MIGRATIONS,
      ignorePattern: '(?!.*\\.sql$).*',
      migrationsTable: MIGRATIONS_TABLE,
      direction: 'up',
      singleTransaction: true,
      noLock: true,
      logger: { debug: () => undefined, info: () => undefined, warn: log, error: log },
    });
    await client.query('COMMIT');
    await client.query(BEGIN);
    await ensurePartitions(async (sql) => (await client.query(sql)).rows, (options.now ?? Date.now)());
    await enterNames(async (sql, values) => (await client.query(sql, [...(values ?? [])])).rows);
    await client.query('COMMIT');
    const names = ran.map(({ name }) => name);
    for (const name of names) log(`migrated ${name}`);
    return names;
  });
}

async function lock(client: pg.PoolClient, waiting: (line: string) => void): Promise<void> {
  let reportedAt = Number.NEGATIVE_INFINITY;
  while ((await client.query<{ locked: boolean }>(LOCK)).rows[0]?.locked !== true) {
    if (performance.now() - reportedAt >= TELL_MS) {
      reportedAt = performance.now();
      const { rows } = await client.query<{ pid: number }>(LOCK_HOLDER);
      const holder = rows[0] === undefined ? '' : ` (PostgreSQL's process ${rows[0].pid} holds the lock)`;
      waiting(`waiting: another process migrates this database${holder}.`);
    }
    await delay(TRY_MS);
  }
}
