import type { PostgresDatabase } from './postgres.ts';

/**
 * Makes groups of a user without events: `group:<user>:<n>`, named `Group <n>`. The last one is the
 * newest. Another user owns them.
 */
export async function groups(database: PostgresDatabase, user: string, count: number): Promise<void> {
  await database.query(
    `WITH made AS (
       INSERT INTO rooms (room, kind, title, owner, keep_history, history_from, created_at)
       SELECT 'group:' || $1::text || ':' || n, 'group', 'Group ' || n, 'somebody', true, n, n FROM generate_series(1, $2::integer) n RETURNING room
     ) INSERT INTO room_members (room, user_id, name) SELECT room, $1::text, $1::text FROM made`,
    [user, count],
  );
}
