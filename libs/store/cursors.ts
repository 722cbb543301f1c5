import { managedKindsWith } from '#libs/protocol/room-kinds.ts';
import { Batcher, GroupedReads } from './batcher.ts';
import type { Database, StoreObserver } from './database.ts';
import type { CursorStore, Waiting } from './message-store.ts';

interface Advance {
  readonly user: string;
  readonly room: string;
  readonly offset: number;
}

/** If a crowd comes back at once, a few statements ask for all. */
const ASKED = { windowMs: 10, sizeMax: 500, queueMax: 50_000, parallel: 2 };
const GROUP = { windowMs: 10, sizeMax: 1000, queueMax: 50_000, parallel: 1 };

/**
 * Moves the cursors of members only, and never above the top, because a client may send any offset.
 * Sorted by user and room, so that two groups do not deadlock. Returns the rows that asked for more
 * than the top.
 */
const ADVANCE = `
  WITH asked AS (
    SELECT a.user_id, a.room, max(a."offset") AS "offset", coalesce(max(t.top), 0) AS top
      FROM unnest($1::text[], $2::text[], $3::bigint[]) AS a (user_id, room, "offset")
      JOIN room_members m ON m.user_id = a.user_id AND m.room = a.room
      JOIN rooms r ON r.room = a.room AND r.keep_history
      LEFT JOIN room_tops t ON t.room = a.room
     GROUP BY a.user_id, a.room
  ), moved AS (
    INSERT INTO cursors (user_id, room, delivered)
    SELECT user_id, room, least("offset", top) FROM asked WHERE least("offset", top) > 0
     ORDER BY user_id COLLATE "C", room COLLATE "C"
    ON CONFLICT (user_id, room) DO UPDATE SET delivered = excluded.delivered WHERE excluded.delivered > cursors.delivered
  )
  SELECT user_id, room, top FROM asked WHERE "offset" > top`;

/** Messages of a closed conversation wait as long as the room is kept. */
const WAITING = `
  SELECT m.user_id, m.room, coalesce(c.delivered, 0) AS delivered, t.top, coalesce(r.history_from, 0) AS history_from
    FROM room_members m
    JOIN rooms r ON r.room = m.room AND (r.closed_at IS NULL OR r.kind IN (${managedKindsWith(({ readAfterEnd }) => readAfterEnd === 'delivered')})) AND r.keep_history
    JOIN room_tops t ON t.room = m.room
    LEFT JOIN cursors c ON c.user_id = m.user_id AND c.room = m.room
   WHERE m.user_id = ANY($1::text[]) AND t.top > coalesce(c.delivered, 0)
   ORDER BY m.room`;

const DELIVERED = `
  SELECT c.delivered, r.history_from
    FROM rooms r LEFT JOIN cursors c ON c.room = r.room AND c.user_id = $1
   WHERE r.room = $2`;

/** Cursors in PostgreSQL. */
export class PostgresCursors implements CursorStore {
  readonly #database: Database;
  readonly #writer: Batcher<Advance, boolean>;
  readonly #waiting: GroupedReads<string, readonly Waiting[]>;

  constructor(database: Database, observe?: StoreObserver) {
    this.#database = database;
    const { timeoutMs } = database;
    this.#writer = new Batcher({
      ...GROUP,
      queue: 'cursors',
      timeoutMs,
      observe,
      write: async (moves, deadline) => {
        const values = [moves.map(({ user }) => user), moves.map(({ room }) => room), moves.map(({ offset }) => offset)];
        const short = await database.query<{ user_id: string; room: string; top: number }>(ADVANCE, values, {
          deadline,
          name: 'advance_cursors',
        });
        const tops = new Map(short.map(({ user_id, room, top }) => [`${user_id} ${room}`, top]));
        return moves.map(({ user, room, offset }) => offset <= (tops.get(`${user} ${room}`) ?? offset));
      },
    });
    this.#waiting = new GroupedReads({ ...ASKED, timeoutMs, read: (users, deadline) => this.#ask(users, deadline) });
  }

  advance(user: string, room: string, offset: number): Promise<boolean> {
    return this.#writer.add({ user, room, offset });
  }

  async delivered(user: string, room: string): Promise<Pick<Waiting, 'delivered' | 'historyFrom'>> {
    const row = await this.#database.first<{ delivered: number | null; history_from: number | null }>(DELIVERED, [user, room]);
    return { delivered: row?.delivered ?? 0, historyFrom: row?.history_from ?? 0 };
  }

  waiting(user: string): Promise<readonly Waiting[]> {
    return this.#waiting.ask(user);
  }

  /** Resolves when every call so far is answered. */
  async flush(): Promise<void> {
    await Promise.all([this.#writer.flush(), this.#waiting.flush()]);
  }

  async #ask(users: readonly string[], deadline: number): Promise<(readonly Waiting[])[]> {
    const rows = await this.#database.query<{ user_id: string; room: string; delivered: number; top: number; history_from: number }>(
      WAITING,
      [[...new Set(users)]],
      { deadline, name: 'waiting_messages' },
    );
    const byUser = Map.groupBy(rows, (row) => row.user_id);
    return users.map(
      (user) =>
        byUser.get(user)?.map(({ room, delivered, top, history_from: historyFrom }) => ({ room, delivered, top, historyFrom })) ?? [],
    );
  }
}
