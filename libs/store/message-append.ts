/** The statement that stores a group of messages. */
import { HubError } from '#libs/protocol/errors.ts';
import type { Database } from './database.ts';
import type { StoredAt, StoredMessage } from './message-store.ts';

/**
 * One statement, one commit. A message is stored where neither its id nor its offset is taken; `taken` looks past the hour that keys are kept
 * (LIMIT keeps it at index look-ups, for the few rows below the top). Rows are locked
 * in the order of rooms and offsets, all keys before all tops: two groups of the same rooms wait for each other and do not deadlock.
 */
const APPEND = `
  WITH input AS (
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[]) WITH ORDINALITY
      AS i (room, "offset", epoch, id, sender, text, data, at, n)
  ), taken AS (
    SELECT i.n FROM input i JOIN room_tops t ON t.room = i.room AND t.top >= i."offset"
      CROSS JOIN LATERAL (SELECT 1 FROM messages m WHERE m.room = i.room AND m."offset" = i."offset" LIMIT 1) AS there
  ), keys AS (
    INSERT INTO message_keys (room, id, "offset", epoch, at, stored_at)
    SELECT room, id, "offset", epoch, at, (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM input
     WHERE n NOT IN (SELECT n FROM taken) ORDER BY room COLLATE "C", "offset"
    ON CONFLICT DO NOTHING RETURNING room, id
  ), stored AS (
    INSERT INTO messages (room, "offset", epoch, id, sender, text, data, at)
    SELECT i.room, i."offset", i.epoch, i.id, i.sender, i.text, i.data, i.at FROM input i JOIN keys k ON k.room = i.room AND k.id = i.id
  ), tops AS (
    INSERT INTO room_tops (room, top, at)
    SELECT i.room, max(i."offset"), max(i.at) FROM input i JOIN keys k ON k.room = i.room AND k.id = i.id GROUP BY i.room ORDER BY i.room COLLATE "C"
    ON CONFLICT (room) DO UPDATE SET top = greatest(room_tops.top, excluded.top), at = greatest(room_tops.at, excluded.at)
  )
  SELECT i.n::integer AS n FROM input i JOIN keys k ON k.room = i.room AND k.id = i.id`;

/** Where those are that were not stored: under their own id, or the place is taken. Sees what others committed meanwhile. */
const LOOK = `
  SELECT i.n::integer AS n, k."offset", k.epoch, k.at, m.id AS there, m.epoch AS there_epoch, m.at AS there_at, o.id AS key_there
    FROM unnest($1::text[], $2::bigint[], $3::text[]) WITH ORDINALITY AS i (room, "offset", id, n)
    LEFT JOIN message_keys k ON k.room = i.room AND k.id = i.id
    LEFT JOIN message_keys o ON o.room = i.room AND o."offset" = i."offset"
    LEFT JOIN LATERAL (SELECT m.id, m.epoch, m.at FROM messages m WHERE m.room = i.room AND m."offset" = i."offset" LIMIT 1) m ON true`;

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

/** Attempts, where what stood in the way was rolled back. */
const TRIES = 4;

/** Stores messages and resolves with each one's place, in their order; all or nothing. Several with the same id in the group count as one. */
export async function appendAll(
  database: Database,
  messages: readonly StoredMessage[],
  deadline: number,
): Promise<(StoredAt | 'conflict')[]> {
  const places = new Map<string, StoredAt | 'conflict'>();
  let open = [...new Map(messages.toReversed().map((message) => [keyOf(message), message])).values()];
  for (let attempt = 1; open.length > 0; attempt++) {
    if (attempt > TRIES) throw new HubError('UNAVAILABLE');
    const stored = await database.query<{ n: number }>(APPEND, columnsOf(open), { deadline });
    const left = new Set(open);
    for (const { n } of stored) {
      const message = open[n - 1];
      if (message === undefined) continue;
      places.set(keyOf(message), { offset: message.offset, epoch: message.epoch, at: message.at });
      left.delete(message);
    }
    open = left.size === 0 ? [] : await look(database, [...left], places, deadline);
  }
  return messages.map((message) => places.get(keyOf(message)) ?? 'conflict');
}

/** Finds out about messages that were not stored. Resolves with those of which nothing is there: they are to be tried again. */
async function look(
  database: Database,
  messages: readonly StoredMessage[],
  places: Map<string, StoredAt | 'conflict'>,
  deadline: number,
): Promise<StoredMessage[]> {
  const values = [messages.map(({ room }) => room), messages.map(({ offset }) => offset), messages.map(({ id }) => id)];
  const again: StoredMessage[] = [];
  for (const row of await database.query<LookRow>(LOOK, values, { deadline })) {
    const message = messages[row.n - 1];
    if (message === undefined) continue;
    const key = keyOf(message);
    if (row.offset !== null) places.set(key, { offset: row.offset, epoch: row.epoch, at: row.at });
    else if (row.there === message.id) places.set(key, { offset: message.offset, epoch: row.there_epoch, at: row.there_at });
    else if (row.there !== null || row.key_there !== null) places.set(key, 'conflict');
    else again.push(message);
  }
  return again;
}

function columnsOf(messages: readonly StoredMessage[]): unknown[][] {
  return [
    messages.map(({ room }) => room),
    messages.map(({ offset }) => offset),
    messages.map(({ epoch }) => epoch),
    messages.map(({ id }) => id),
    messages.map(({ sender }) => wellFormed(sender)),
    messages.map(({ text }) => JSON.stringify(text)),
    messages.map(({ data }) => (data === undefined ? null : wellFormed(data))),
    messages.map(({ at }) => at),
  ];
}

/** JSON that is stored as it is, but for lone surrogates, which UTF-8 cannot say: they are escaped, the value stays the same. */
function wellFormed(json: string): string {
  return json.isWellFormed() ? json : json.replace(/\p{Surrogate}/gu, (half) => `\\u${half.charCodeAt(0).toString(16)}`);
}

function keyOf({ room, id }: StoredMessage): string {
  return `${room}\0${id}`;
}
