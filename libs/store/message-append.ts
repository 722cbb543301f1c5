/** The statements that store a group of messages and other events of rooms. */
import { HubError } from '#libs/protocol/errors.ts';
import type { Database } from './database.ts';
import type { StoredAt, StoredMessage, StoredRoomEvent } from './message-store.ts';

/** The message or event at the offset of an input row `i`. */
const THERE = `
      SELECT m.id, m.epoch, m.at FROM messages m WHERE m.room = i.room AND m."offset" = i."offset"
      UNION ALL SELECT e.id, e.epoch, e.at FROM room_events e WHERE e.room = i.room AND e."offset" = i."offset" LIMIT 1`;

/**
 * One statement, one commit. An entry is stored if neither its id nor its offset is taken. `taken`
 * also finds entries whose key is deleted after an hour; its LIMIT keeps it at index look-ups, for
 * the few rows below the top. Rows are locked in the order of rooms and offsets, all keys before
 * all tops, so that two groups of the same rooms wait for each other and do not deadlock.
 *
 * @param table has the columns `room`, `offset`, `epoch` and `id`, then `columns`.
 * @param stamp the new value of the room's newest stamp, which is that of its newest message.
 */
function append(table: string, types: string, columns: string, stamp: { readonly first: string; readonly next: string }): string {
  return `
  WITH input AS (
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], ${types}) WITH ORDINALITY
      AS i (room, "offset", epoch, id, ${columns}, n)
  ), taken AS (
    SELECT i.n FROM input i JOIN room_tops t ON t.room = i.room AND t.top >= i."offset" CROSS JOIN LATERAL (${THERE}) AS there
  ), keys AS (
    INSERT INTO message_keys (room, id, "offset", epoch, at, stored_at)
    SELECT room, id, "offset", epoch, at, (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM input
     WHERE n NOT IN (SELECT n FROM taken) ORDER BY room COLLATE "C", "offset"
    ON CONFLICT DO NOTHING RETURNING room, id
  ), stored AS (
    INSERT INTO ${table} (room, "offset", epoch, id, ${columns})
    SELECT room, "offset", epoch, id, ${columns} FROM input JOIN keys USING (room, id)
  ), tops AS (
    INSERT INTO room_tops (room, top, at)
    SELECT i.room, max(i."offset"), ${stamp.first} FROM input i JOIN keys k ON k.room = i.room AND k.id = i.id GROUP BY i.room ORDER BY i.room COLLATE "C"
    ON CONFLICT (room) DO UPDATE SET top = greatest(room_tops.top, excluded.top), at = ${stamp.next}
  )
  SELECT i.n::integer AS n FROM input i JOIN keys k ON k.room = i.room AND k.id = i.id`;
}

const APPEND_MESSAGES = append('messages', '$5::text[], $6::text[], $7::text[], $8::bigint[]', 'sender, text, data, at', {
  first: 'max(i.at)',
  next: 'greatest(room_tops.at, excluded.at)',
});
const APPEND_EVENTS = append(
  'room_events',
  '$5::text[], $6::bigint[], $7::bigint[], $8::text[], $9::bigint[]',
  'kind, target, version, body, at',
  { first: '0', next: 'room_tops.at' },
);

/**
 * Finds the places of entries that were not stored: the id is stored elsewhere, or the offset is
 * taken. Sees the commits of others.
 */
const LOOK = `
  SELECT i.n::integer AS n, k."offset", k.epoch, k.at, m.id AS there, m.epoch AS there_epoch, m.at AS there_at, o.id AS key_there
    FROM unnest($1::text[], $2::bigint[], $3::text[]) WITH ORDINALITY AS i (room, "offset", id, n)
    LEFT JOIN message_keys k ON k.room = i.room AND k.id = i.id
    LEFT JOIN message_keys o ON o.room = i.room AND o."offset" = i."offset"
    LEFT JOIN LATERAL (${THERE}) AS m ON true`;

type LookRow = {
  n: number;
  offset: number | null;
  epoch: string;
  at: number;
  there: string | null;
  there_epoch: string;
  there_at: number;
  key_there: string | null;
};

/** Attempts, in case the conflicting transaction was rolled back. */
const TRIES = 4;

type Entry = StoredMessage | StoredRoomEvent;

/**
 * Stores messages. Resolves with the place of each, in the same order. Messages of a group with the
 * same id count as one. Each attempt is one commit, all or nothing.
 */
export function appendMessages(
  database: Database,
  messages: readonly StoredMessage[],
  deadline: number,
): Promise<(StoredAt | 'conflict')[]> {
  return appendAll(database, messages, deadline, { sql: APPEND_MESSAGES, name: 'append_messages' }, messageColumns);
}

/** As `appendMessages`, for other events. */
export function appendEvents(database: Database, events: readonly StoredRoomEvent[], deadline: number): Promise<(StoredAt | 'conflict')[]> {
  return appendAll(database, events, deadline, { sql: APPEND_EVENTS, name: 'append_events' }, eventColumns);
}

interface Statement {
  readonly sql: string;
  readonly name: string;
}

async function appendAll<E extends Entry>(
  database: Database,
  entries: readonly E[],
  deadline: number,
  { sql, name }: Statement,
  columns: (entries: readonly E[]) => unknown[][],
): Promise<(StoredAt | 'conflict')[]> {
  const places = new Map<string, StoredAt | 'conflict'>();
  let open = [...new Map(entries.toReversed().map((entry) => [keyOf(entry), entry])).values()];
  for (let attempt = 1; open.length > 0; attempt++) {
    if (attempt > TRIES) throw new HubError('UNAVAILABLE');
    const stored = await database.query<{ n: number }>(sql, [...placeColumns(open), ...columns(open)], { deadline, name });
    const left = new Set(open);
    for (const { n } of stored) {
      const entry = open[n - 1];
      if (entry === undefined) continue;
      places.set(keyOf(entry), { offset: entry.offset, epoch: entry.epoch, at: entry.at });
      left.delete(entry);
    }
    open = left.size === 0 ? [] : await look(database, [...left], places, deadline);
  }
  return entries.map((entry) => places.get(keyOf(entry)) ?? 'conflict');
}

/**
 * Looks up entries that were not stored. Resolves with those that are not there at all: they are to
 * be tried again.
 */
async function look<E extends Entry>(
  database: Database,
  entries: readonly E[],
  places: Map<string, StoredAt | 'conflict'>,
  deadline: number,
): Promise<E[]> {
  const values = [entries.map(({ room }) => room), entries.map(({ offset }) => offset), entries.map(({ id }) => id)];
  const again: E[] = [];
  for (const row of await database.query<LookRow>(LOOK, values, { deadline })) {
    const entry = entries[row.n - 1];
    if (entry === undefined) continue;
    const key = keyOf(entry);
    if (row.offset !== null) places.set(key, { offset: row.offset, epoch: row.epoch, at: row.at });
    else if (row.there === entry.id) places.set(key, { offset: entry.offset, epoch: row.there_epoch, at: row.there_at });
    else if (row.there !== null || row.key_there !== null) places.set(key, 'conflict');
    else again.push(entry);
  }
  return again;
}

function placeColumns(entries: readonly Entry[]): unknown[][] {
  return [
    entries.map(({ room }) => room),
    entries.map(({ offset }) => offset),
    entries.map(({ epoch }) => epoch),
    entries.map(({ id }) => id),
  ];
}

function messageColumns(messages: readonly StoredMessage[]): unknown[][] {
  return [
    messages.map(({ sender }) => wellFormed(sender)),
    messages.map(({ text }) => JSON.stringify(text)),
    messages.map(({ data }) => (data === undefined ? null : wellFormed(data))),
    messages.map(({ at }) => at),
  ];
}

function eventColumns(events: readonly StoredRoomEvent[]): unknown[][] {
  return [
    events.map(({ kind }) => kind),
    events.map(({ target }) => target?.offset ?? null),
    events.map(({ target }) => target?.version ?? null),
    events.map(({ body }) => wellFormed(body)),
    events.map(({ at }) => at),
  ];
}

/**
 * Stored JSON is the original text. Only lone surrogates are escaped, because UTF-8 cannot encode
 * them; the value stays the same.
 */
function wellFormed(json: string): string {
  return json.isWellFormed() ? json : json.replace(/\p{Surrogate}/gu, (half) => `\\u${half.charCodeAt(0).toString(16)}`);
}

function keyOf({ room, id }: Entry): string {
  return `${room}\0${id}`;
}
