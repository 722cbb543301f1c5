/** The monthly partitions of the messages table. */
import type { Query } from './database.ts';

/** The lock to make or drop partitions: one at a time, over all processes. */
const LOCK = 'SELECT pg_advisory_xact_lock(7250113, 1)';
/**
 * Milliseconds that a drop waits for each lock. All writers queue behind it, so this is far below
 * their timeout.
 */
const DROP_PATIENCE_MS = 300;
/** Months made ahead of the present one. */
const MONTHS_AHEAD = 2;

/** A month of messages, and its partition. */
export interface Month {
  /** The name of the partition, `messages_2026_08`. */
  readonly name: string;
  /** Its first millisecond, UTC. */
  readonly from: number;
  /** The first millisecond after it. */
  readonly to: number;
}

/** The month (UTC) `plus` months after the month of `at`. */
export function monthOf(at: number, plus = 0): Month {
  const day = new Date(at);
  const year = day.getUTCFullYear();
  const month = day.getUTCMonth() + plus;
  const from = Date.UTC(year, month);
  const first = new Date(from);
  const number = String(first.getUTCMonth() + 1).padStart(2, '0');
  return { name: `messages_${first.getUTCFullYear()}_${number}`, from, to: Date.UTC(year, month + 1) };
}

/** The month of a partition's name. Undefined for the default partition and for any other name. */
export function monthNamed(name: string): Month | undefined {
  const match = /^messages_(\d{4})_(0[1-9]|1[0-2])$/.exec(name);
  return match === null ? undefined : monthOf(Date.UTC(Number(match[1]), Number(match[2]) - 1));
}

/** The names of all partitions, with the default one. */
async function partitions(query: Query): Promise<string[]> {
  const rows = await query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'messages'::regclass ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

/**
 * Makes the missing partitions for the month of `now` and the next two. Moves rows of these months
 * out of the default partition. Call it in a transaction. Several may do so at once; inserts wait
 * until it is done.
 */
export async function ensurePartitions(query: Query, now: number): Promise<void> {
  const months = Array.from({ length: MONTHS_AHEAD + 1 }, (_, plus) => monthOf(now, plus));
  const missing = async (): Promise<Month[]> => {
    const there = new Set(await partitions(query));
    return months.filter(({ name }) => !there.has(name));
  };
  if ((await missing()).length === 0) return;
  await lockPartitions(query);
  for (const month of await missing()) await addPartition(query, month);
}

/** The months with a partition that end before a moment, the oldest first. */
export async function monthsBefore(query: Query, before: number): Promise<Month[]> {
  const months = (await partitions(query)).map(monthNamed).filter((month) => month !== undefined);
  return months.filter(({ to }) => to <= before).sort((one, other) => one.from - other.from);
}

/**
 * Drops the partition of a month, if it exists. Returns PostgreSQL's estimate of its rows, 0 if
 * there is none. Call it in a transaction. Rejects if a reader or writer of messages holds it up
 * for too long (`isLocked`).
 */
export async function dropMonth(query: Query, { name }: Month): Promise<number> {
  await query(`SET LOCAL lock_timeout = ${DROP_PATIENCE_MS}`);
  await lockPartitions(query);
  const [row] = await query<{ count: number }>('SELECT greatest(reltuples, 0)::bigint AS count FROM pg_class WHERE oid = to_regclass($1)', [
    name,
  ]);
  await query(`DROP TABLE IF EXISTS ${name}`);
  return row?.count ?? 0;
}

/**
 * Until the transaction ends, nobody else makes or drops partitions, reads or writes messages.
 * Locks in the order of an insert, so that no deadlock occurs. Does not lock the months themselves:
 * autovacuum may work in one for long.
 */
async function lockPartitions(query: Query): Promise<void> {
  await query(LOCK);
  await query('LOCK TABLE ONLY messages, ONLY messages_default IN ACCESS EXCLUSIVE MODE');
}

/** DDL takes no parameters. The name and the bounds consist of numbers alone. */
async function addPartition(query: Query, { name, from, to }: Month): Promise<void> {
  await query(`CREATE TABLE ${name} (LIKE messages INCLUDING DEFAULTS INCLUDING CONSTRAINTS)`);
  await query(
    `WITH moved AS (DELETE FROM messages_default WHERE at >= ${from} AND at < ${to} RETURNING *) INSERT INTO ${name} SELECT * FROM moved`,
  );
  await query(`ALTER TABLE messages ATTACH PARTITION ${name} FOR VALUES FROM (${from}) TO (${to})`);
}
