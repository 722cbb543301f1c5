/** Reads how a PostgreSQL is set up: what M1 stands on, and what an operator asks about. */
import { type SettingWarning, settingWarning } from '#libs/protocol/setting-warnings.ts';
import { Database, type Query } from './database.ts';
import { checkSchema } from './schema.ts';

/** The settings of a server that decide whether a committed row outlives its crash. */
export interface Durability {
  readonly fsync: boolean;
  readonly fullPageWrites: boolean;
  /** As it holds for this user and database. `off`: a commit does not wait for the disk. */
  readonly synchronousCommit: string;
}

/** The set-up of a server, as this user and database meet it. */
export interface DatabaseFacts extends Durability {
  readonly version: string;
  /** Connections that the server lets users have. */
  readonly connectionsMax: number;
  /** Connections of all users now, without this one. */
  readonly connections: number;
  /** How far its clock is ahead of this machine's, milliseconds, give or take half a round trip. */
  readonly aheadMs: number;
  /** What the schema lacks; undefined if it is not older than this version. */
  readonly schemaProblem: string | undefined;
}

const TIMEOUT_MS = 5000;
const DURABILITY = `SELECT current_setting('fsync')::bool AS fsync, current_setting('full_page_writes')::bool AS "fullPageWrites",
  current_setting('synchronous_commit') AS "synchronousCommit"`;
// The least of the limits of the server, the user and the database. -1: no limit.
const CONNECTIONS = `SELECT current_setting('server_version') AS version,
  least(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
    (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
    (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database())) AS "connectionsMax",
  (SELECT count(*)::int - 1 FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections`;
const NOW = 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now';

/** Reads the settings that M1 stands on. */
export async function readDurability(query: Query): Promise<Durability> {
  const [row] = await query<Durability & Record<string, unknown>>(DURABILITY);
  if (row === undefined) throw new Error('no answer about fsync');
  return row;
}

/**
 * Reads all facts over a connection of its own. Rejects if the server does not answer, or takes no
 * writes.
 */
export async function readDatabaseFacts(url: string): Promise<DatabaseFacts> {
  const database = new Database({ url, pool: 'general', poolSize: 1, timeoutMs: TIMEOUT_MS });
  try {
    const query: Query = (sql, values) => database.query(sql, values);
    const durability = await readDurability(query);
    const [connections] = await query<Pick<DatabaseFacts, 'version' | 'connectionsMax' | 'connections'> & Record<string, unknown>>(
      CONNECTIONS,
    );
    if (connections === undefined) throw new Error('no answer about connections');
    const before = Date.now();
    const [clock] = await query<{ now: number }>(NOW);
    const aheadMs = (clock?.now ?? Number.NaN) - (before + Date.now()) / 2;
    const schemaProblem = await checkSchema(query).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    return { ...durability, ...connections, aheadMs, schemaProblem };
  } finally {
    await database.close();
  }
}

/** Returns what of the settings breaks the promise of `ack` (M1). Empty: nothing does. */
export function durabilityFaults({ fsync, fullPageWrites, synchronousCommit }: Durability): SettingWarning[] {
  return [
    ...(fsync ? [] : [settingWarning('fsyncOff')]),
    ...(fullPageWrites ? [] : [settingWarning('fullPageWritesOff')]),
    ...(synchronousCommit === 'off' ? [settingWarning('synchronousCommitOff')] : []),
  ];
}
