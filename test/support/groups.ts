import type { PostgresDatabase } from './postgres.ts';

/** Groups of a user that nobody was told of: `group:<user>:<n>`, called `Group <n>`, the last one the newest, of another owner. */
export async function groups(database: PostgresDatabase, user: string, count: number): Promise<void> {
  await database.query(
    `WITH made AS (
       INSERT INTO rooms (room, kind, title, owner, keep_history, history_from, created_at)
       SELECT 'group:' || $1::text || ':' || n, 'group', 'Group ' || n, 'somebody', true, n, n FROM generate_series(1, $2::integer) n RETURNING room
     ) INSERT INTO room_members (room, user_id, name) SELECT room, $1::text, $1::text FROM made`,
    [user, count],
  );
}
