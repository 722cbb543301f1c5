import { ROOM_KINDS } from '#libs/protocol/room-kinds.ts';
import { type CallOptions, type Database, isLocked, type Query } from './database.ts';
import { dropMonth, ensurePartitions, monthsBefore } from './partitions.ts';
import type { DroppedRoom, UpkeepStore } from './store.ts';

/** Most rooms of one statement, and most rooms dropped by one call. */
const PAGE = 5000;
const ROOMS_MAX = 1000;
/** All names of direct rooms are between these two, in byte order. */
const FIRST: string = ROOM_KINDS.dm.prefix;
const END = FIRST.replace(':', ';');

/**
 * A page of direct rooms by name, and whether each is over. Reads the last activity of every room,
 * and looks for messages only in silent ones.
 */
const LOOK = `
  WITH page AS (SELECT room, created_at FROM rooms WHERE room > $1 AND room < '${END}' ORDER BY room LIMIT ${PAGE})
  SELECT p.room, greatest(p.created_at, coalesce(t.at, 0)) < $2 AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.room = p.room) AS over
    FROM page p LEFT JOIN room_tops t ON t.room = p.room ORDER BY p.room`;

/** The room may have a new message since the look. Members are deleted with the room's row. */
const DROP = `
  DELETE FROM rooms r WHERE r.room = ANY ($1::text[]) AND NOT EXISTS (SELECT 1 FROM room_tops t WHERE t.room = r.room AND t.at >= $2) RETURNING r.room`;

/**
 * Drops direct rooms without a message since `since` and without stored messages, page by page:
 * about a thousand, the rest in the next call. A message published at this moment is not lost: the
 * next one makes the same room again, above the same offsets.
 */
async function dropDirectRooms(database: Database, since: number, options: CallOptions): Promise<readonly DroppedRoom[]> {
  const dropped: DroppedRoom[] = [];
  for (let after = FIRST; dropped.length < ROOMS_MAX; ) {
    const page = await database.query<{ room: string; over: boolean }>(LOOK, [after, since], options);
    const over = page.flatMap((row) => (row.over ? [row.room] : [])).slice(0, ROOMS_MAX);
    if (over.length > 0) dropped.push(...(await database.transaction((query) => drop(query, over, since), options)));
    const last = page.at(-1)?.room;
    if (last === undefined || page.length < PAGE) break;
    after = last;
  }
  return dropped;
}

async function drop(query: Query, rooms: readonly string[], since: number): Promise<DroppedRoom[]> {
  const members = await query<{ room: string; user: string }>(
    'SELECT room, user_id AS "user" FROM room_members WHERE room = ANY ($1::text[])',
    [rooms],
  );
  const gone = (await query<{ room: string }>(DROP, [rooms, since])).map(({ room }) => room);
  for (const table of ['cursors', 'room_events']) await query(`DELETE FROM ${table} WHERE room = ANY ($1::text[])`, [gone]);
  const byRoom = Map.groupBy(members, ({ room }) => room);
  return gone.map((room) => ({ room, members: (byRoom.get(room) ?? []).map(({ user }) => user) }));
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Days that a closed room is kept. */
const CLOSED_DAYS = 30;
/** Days after which a guest is forgotten. */
const SILENT_DAYS = 30;
/** Days that an event is kept. `KEPT_MS` of events.ts is a little less. */
const EVENT_DAYS = 7;
/** An event whose target was dropped. `$1` is a moment. */
const ORPHANED = `at < $1 AND target IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM messages m WHERE m.room = room_events.room AND m."offset" = room_events.target)`;
/** A user who was not here since the moment `$1`. */
const UNSEEN = 'NOT EXISTS (SELECT 1 FROM seen s WHERE s.user_id = pair_findable.user_id AND s.last_seen >= $1)';
/**
 * For how long a revocation stays after it was added, also if it has ended. A minute, so that every
 * node sees it. One that closes connections and leaves tokens valid stays for 31 days: a node that
 * stood still closes the connections that it still has.
 */
const REVOCATION_KEPT = "CASE WHEN kind IN ('ban', 'disconnect') THEN interval '31 days' ELSE interval '1 minute' END";
/** Rows of one statement, few enough to block nobody for long. */
const BATCH = 5000;
/** Rooms of one transaction. */
const ROOMS = 100;
/** The time limit of one statement of the upkeep. */
const LONG: CallOptions = { timeoutMs: 60_000 };

/**
 * Expired rows, table by table. `$1` is a moment; for events and room changes it is an age, by the
 * database's clock.
 */
const EXPIRED: readonly { readonly table: string; readonly over: string; readonly before: (now: number) => number }[] = [
  { table: 'message_keys', over: 'stored_at < $1', before: (now) => now - HOUR_MS },
  { table: 'login_codes', over: 'expires_at <= $1', before: (now) => now },
  { table: 'login_attempts', over: 'expires_at <= $1', before: (now) => now },
  { table: 'login_tries', over: 'until <= $1', before: (now) => now },
  { table: 'idempotent_answers', over: 'expires_at <= $1', before: (now) => now },
  { table: 'login_tickets', over: 'expires_at <= $1', before: (now) => now },
  { table: 'login_families', over: 'expires_at <= $1', before: (now) => now },
  { table: 'events', over: `added_at < clock_timestamp() - $1::bigint * interval '1 millisecond'`, before: () => EVENT_DAYS * DAY_MS },
  // Written for nodes of the previous version, which read it.
  { table: 'room_changes', over: `added_at < clock_timestamp() - $1::bigint * interval '1 millisecond'`, before: () => HOUR_MS },
  { table: 'absences', over: 'looked_at < $1', before: (now) => now - HOUR_MS },
  { table: 'sanctions', over: `until <= $1 AND added_at < clock_timestamp() - ${REVOCATION_KEPT}`, before: (now) => now },
  { table: 'pair_partners', over: 'ended_at < $1', before: (now) => now - DAY_MS },
  // Before `seen`, which forgets guests at the same age.
  { table: 'pair_findable', over: UNSEEN, before: (now) => now - SILENT_DAYS * DAY_MS },
  { table: 'seen', over: "kind = 'guest' AND last_seen < $1", before: (now) => now - SILENT_DAYS * DAY_MS },
];

/** The upkeep of the tables. */
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
    let dropped = 0;
    try {
      for (const month of await this.#database.use((query) => monthsBefore(query, before), LONG))
        dropped += await this.#database.transaction((query) => dropMonth(query, month), LONG);
    } catch (error) {
      // Do not delete the rows of a month one by one if the whole month is to be dropped.
      if (isLocked(error)) return dropped;
      throw error;
    }
    for (const table of ['messages', 'room_events']) dropped += await this.#deleteAll(table, 'at < $1', before);
    // An event carries the text of its target. The target of a young one may not be stored yet.
    return dropped + (await this.#deleteAll('room_events', ORPHANED, now - HOUR_MS));
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

  async dropSilentRooms(days: number, now: number): Promise<readonly DroppedRoom[]> {
    return days <= 0 ? [] : dropDirectRooms(this.#database, now - Math.max(days, ROOM_KINDS.dm.limits.silentDays) * DAY_MS, LONG);
  }

  /**
   * Deletes in batches, each in a transaction of its own. Tables and conditions are constants of
   * this file.
   */
  async #deleteAll(table: string, over: string, moment: number): Promise<number> {
    let removed = 0;
    for (;;) {
      const count = await this.#database.transaction(async (query) => {
        const rows = await query<{ count: number }>(batchOf(table, over), [moment]);
        return rows[0]?.count ?? 0;
      }, LONG);
      removed += count;
      if (count < BATCH) return removed;
    }
  }
}

/**
 * Deletes a batch of expired rows of a table, and counts them. Finds rows by `ctid`, so that
 * nothing else is read. In a partitioned table a `ctid` names a row in each partition, hence the
 * second condition. Exported for the test of its plan.
 */
export function batchOf(table: string, over: string): string {
  return `
    WITH gone AS (
      DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE ${over} LIMIT ${BATCH})) AND ${over} RETURNING 1
    ) SELECT count(*) AS count FROM gone`;
}

/**
 * The messages of a closed room are deleted with it. Members, pairs and conversations are deleted
 * with the room's row.
 */
async function dropRooms(query: Query, before: number): Promise<number> {
  const rows = await query<{ room: string }>(
    `DELETE FROM rooms WHERE room IN (SELECT room FROM rooms WHERE closed_at < $1 LIMIT ${ROOMS} FOR UPDATE SKIP LOCKED) RETURNING room`,
    [before],
  );
  const rooms = rows.map(({ room }) => room);
  if (rooms.length > 0)
    for (const table of ['cursors', 'messages', 'room_events', 'message_keys', 'room_tops'])
      await query(`DELETE FROM ${table} WHERE room = ANY ($1::text[])`, [rooms]);
  return rooms.length;
}
