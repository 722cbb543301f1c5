/** Direct rooms that nobody uses any more. */
import { ROOM_KINDS } from '#libs/protocol/room-kinds.ts';
import type { CallOptions, Database, Query } from './database.ts';
import type { DroppedRoom } from './store.ts';

/** Rooms looked at by one statement, and dropped by one call about. */
const PAGE = 5000;
const ROOMS_MAX = 1000;
/** All names of direct rooms lie between these, in the order of bytes. */
const FIRST: string = ROOM_KINDS.dm.prefix;
const END = FIRST.replace(':', ';');

/** A page of direct rooms by name, and which of them are over: of all it is seen when something was said last, of the silent ones whether anything is left. */
const LOOK = `
  WITH page AS (SELECT room, created_at FROM rooms WHERE room > $1 AND room < '${END}' ORDER BY room LIMIT ${PAGE})
  SELECT p.room, greatest(p.created_at, coalesce(t.at, 0)) < $2 AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.room = p.room) AS over
    FROM page p LEFT JOIN room_tops t ON t.room = p.room ORDER BY p.room`;

/** Something may have been said since it was looked at. Members go with the room's row. */
const DROP = `
  DELETE FROM rooms r WHERE r.room = ANY ($1::text[]) AND NOT EXISTS (SELECT 1 FROM room_tops t WHERE t.room = r.room AND t.at >= $2) RETURNING r.room`;

/**
 * Drops direct rooms in which nothing was said since a moment and nothing is left, page by page: about a thousand at most, the others in the next call. What is
 * said at this very moment is not lost: the two have the same room again with their next message, above the same offsets.
 */
export async function dropDirectRooms(database: Database, since: number, options: CallOptions): Promise<readonly DroppedRoom[]> {
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
  await query('DELETE FROM cursors WHERE room = ANY ($1::text[])', [gone]);
  const byRoom = Map.groupBy(members, ({ room }) => room);
  return gone.map((room) => ({ room, members: (byRoom.get(room) ?? []).map(({ user }) => user) }));
}
