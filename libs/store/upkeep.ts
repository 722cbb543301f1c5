import type { CallOptions, Database, Query } from './database.ts';
import { ensurePartitions, lockPartitions, monthNamed, partitions } from './partitions.ts';
import type { UpkeepStore } from './store.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Days a closed room is kept. */
const CLOSED_DAYS = 30;
/** Rows in one statement: short enough to hold nobody up. */
const BATCH = 5000;
/** Rooms in one transaction. */
const ROOMS = 100;
/** Milliseconds one statement of the upkeep may take. */
const LONG: CallOptions = { timeoutMs: 60_000 };

/** What is over, table by table: `$1` is a moment. Sanctions stay for a minute after they were added, so that every node has seen them. */
const EXPIRED: readonly { readonly table: string; readonly over: string; readonly before: (now: number) => number }[] = [
  { table: 'message_keys', over: 'stored_at < $1', before: (now) => now - HOUR_MS },
  { table: 'login_codes', over: 'expires_at <= $1', before: (now) => now },
  { table: 'login_tickets', over: 'expires_at <= $1', before: (now) => now },
  { table: 'login_families', over: 'expires_at <= $1', before: (now) => now },
  { table: 'sanctions', over: "until <= $1 AND added_at < clock_timestamp() - interval '1 minute'", before: (now) => now },
];

export class PostgresUpkeep implements UpkeepStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  ensurePartitions(now: number): Promise<void> {
    return this.#database.transaction((query) => ensurePartitions(query, now), LONG);
  }

  async dropHistory(days: number, now: number): Promise<number> {
    if (days <= 0) return 0;
    const before = now - days * DAY_MS;
    const dropped = await this.#database.transaction((query) => dropMonths(query, before), LONG);
    return dropped + (await this.#deleteAll('messages', 'at < $1', before));
  }

  async dropExpired(now: number): Promise<number> {
    let removed = 0;
    for (const { table, over, before } of EXPIRED) removed += await this.#deleteAll(table, over, before(now));
    return removed;
  }

  async dropClosedRooms(now: number): Promise<number> {
    let removed = 0;
    for (;;) {
      const count = await this.#database.transaction((query) => dropRooms(query, now - CLOSED_DAYS * DAY_MS), LONG);
      removed += count;
      if (count < ROOMS) return removed;
    }
  }

  /** Deletes in batches, each committed by itself. Tables and conditions are this file's own, never from outside. */
  async #deleteAll(table: string, over: string, moment: number): Promise<number> {
    let removed = 0;
    for (;;) {
      const count = await this.#database.transaction(async (query) => {
        const rows = await query<{ count: number }>(
          `WITH gone AS (
             DELETE FROM ${table} WHERE (tableoid, ctid) IN (SELECT tableoid, ctid FROM ${table} WHERE ${over} LIMIT ${BATCH}) RETURNING 1
           ) SELECT count(*) AS count FROM gone`,
          [moment],
        );
        return rows[0]?.count ?? 0;
      }, LONG);
      removed += count;
      if (count < BATCH) return removed;
    }
  }
}

/** Drops the months that lie wholly before a moment, and returns how many messages were in them. */
async function dropMonths(query: Query, before: number): Promise<number> {
  const old = async (): Promise<string[]> => (await partitions(query)).filter((name) => (monthNamed(name)?.to ?? Infinity) <= before);
  if ((await old()).length === 0) return 0;
  await lockPartitions(query);
  let removed = 0;
  for (const name of await old()) {
    const [row] = await query<{ count: number }>(`SELECT count(*) AS count FROM ${name}`);
    removed += row?.count ?? 0;
    await query(`DROP TABLE ${name}`);
  }
  return removed;
}

/** Nobody can enter such a room any more, nor read it: its messages go, too. Members, pairs and conversations go with the room's row. */
async function dropRooms(query: Query, before: number): Promise<number> {
  const rows = await query<{ room: string }>(
    `DELETE FROM rooms WHERE room IN (SELECT room FROM rooms WHERE closed_at < $1 LIMIT ${ROOMS} FOR UPDATE SKIP LOCKED) RETURNING room`,
    [before],
  );
  const rooms = rows.map(({ room }) => room);
  if (rooms.length > 0)
    for (const table of ['cursors', 'messages', 'message_keys', 'room_tops'])
      await query(`DELETE FROM ${table} WHERE room = ANY ($1::text[])`, [rooms]);
  return rooms.length;
}
