import type { Person } from '#libs/protocol/frame-types.ts';
import type { ManagedRoomKind } from '#libs/protocol/room-kinds.ts';
import type { MatchRequest, MatchResult, OpenPair, PairStore } from './conversation-store.ts';
import type { Database, Query } from './database.ts';
import { kindMember, kindOf } from './seen.ts';

/** The kind of a pair's room. */
const KIND: ManagedRoomKind = 'pair';

/**
 * One pairing at a time, over all processes: two users who ask at the same moment must see each
 * other.
 */
const LOCK = 'SELECT pg_advisory_xact_lock(7250113, 2)';

/**
 * Milliseconds for which a user who asked counts as online, even if the caller's list is a little
 * older.
 */
const JUST_ASKED_MS = 10_000;

type PairRow = { room: string; id: string; name: string; kind: string | null; expires_at: number | null };
type ChosenRow = { id: string; name: string; kind: string | null; keep_history: boolean };

const OPEN_PAIR = `
  SELECT p.room, p.peer_id AS id, p.peer_name AS name, ${kindOf('p.peer_id')} AS kind, r.expires_at
    FROM pairs p JOIN rooms r USING (room) WHERE p.user_id = $1 AND r.closed_at IS NULL`;

/** Milliseconds after the end of a pair within which neither is paired with the other as the last partner. */
const SAME_AGAIN_MS = 86_400_000;

/** Users who may be found, from a random one on, at most `$1`. */
const SOME_FINDABLE = `
  WITH start AS MATERIALIZED (SELECT random() AS at)
  (SELECT user_id FROM pair_findable WHERE place >= (SELECT at FROM start) ORDER BY place LIMIT $1)
  UNION ALL
  (SELECT user_id FROM pair_findable WHERE place < (SELECT at FROM start) ORDER BY place LIMIT $1)
  LIMIT $1`;

/**
 * First those who wait, then the others; never the asking user, never somebody who has a pair or
 * whose pair with this user ended after `$5` as the last one of either.
 */
const CHOOSE = `
  WITH offered AS (SELECT * FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS o (id, name, n)),
  open AS (
    SELECT q.user_id AS id, q.name, q.keep_history, 0 AS rank, q.since, q.seq FROM pair_queue q
     WHERE q.asked_at > $4 OR q.user_id IN (SELECT id FROM offered)
    UNION ALL
    SELECT o.id, o.name, false, 1, o.n, 0 FROM offered o WHERE NOT EXISTS (SELECT 1 FROM pair_queue q WHERE q.user_id = o.id)
  )
  SELECT id, name, ${kindOf('open.id')} AS kind, keep_history FROM open
   WHERE id <> $1 AND NOT EXISTS (SELECT 1 FROM pairs p WHERE p.user_id = open.id)
     AND NOT EXISTS (SELECT 1 FROM pair_partners l WHERE l.user_id = $1 AND l.partner_id = open.id AND l.ended_at > $5)
     AND NOT EXISTS (SELECT 1 FROM pair_partners l WHERE l.user_id = open.id AND l.partner_id = $1 AND l.ended_at > $5)
   ORDER BY rank, since, seq LIMIT 1`;

const MAKE = `
  WITH made AS (
    INSERT INTO rooms (room, kind, title, owner, keep_history, history_from, created_at, expires_at)
    VALUES ($1, '${KIND}', '', '', $2, CASE WHEN $2 THEN $3::bigint END, $3, $4)
  ), members AS (
    INSERT INTO room_members (room, user_id, name) VALUES ($1, $5, $6), ($1, $7, $8)
  ), asked AS (
    DELETE FROM pair_queue WHERE user_id IN ($5, $7)
  )
  INSERT INTO pairs (room, user_id, peer_id, peer_name, wants_history) VALUES ($1, $5, $7, $8, $9), ($1, $7, $5, $6, $10)`;

/** Updates the user's row only if the wish is new, then the room only if both want history now. */
const WANT = `
  WITH wish AS (
    UPDATE pairs SET wants_history = true WHERE user_id = $1 AND NOT wants_history RETURNING room, peer_id
  ), kept AS (
    UPDATE rooms r SET keep_history = true, history_from = $2 FROM wish w JOIN pairs other ON other.user_id = w.peer_id AND other.room = w.room
     WHERE r.room = w.room AND r.closed_at IS NULL AND NOT r.keep_history AND other.wants_history RETURNING 1
  )
  SELECT EXISTS (SELECT 1 FROM kept) AS kept FROM wish`;

/** Pairs and their queue in PostgreSQL. */
export class PostgresPairs implements PairStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async of(user: string): Promise<OpenPair | undefined> {
    const row = await this.#database.first<PairRow>(OPEN_PAIR, [user]);
    return row && pairOf(row);
  }

  match(request: MatchRequest): Promise<MatchResult> {
    return this.#database.transaction(async (query) => {
      await query(LOCK);
      const [own] = await query<PairRow>(OPEN_PAIR, [request.user.id]);
      if (own !== undefined) return { state: 'paired', made: false, ...pairOf(own) };
      const { user, candidates, now } = request;
      if (request.onlyIfWaiting && (await query('SELECT 1 FROM pair_queue WHERE user_id = $1 FOR UPDATE', [user.id])).length === 0)
        return { state: 'waiting' };
      const [chosen] = await query<ChosenRow>(CHOOSE, [
        user.id,
        candidates.map(({ id }) => id),
        candidates.map(({ name }) => name),
        now - JUST_ASKED_MS,
        now - SAME_AGAIN_MS,
      ]);
      return chosen === undefined ? wait(query, request) : pair(query, request, chosen);
    });
  }

  wantHistory(user: string, now: number): Promise<'kept' | 'asked' | undefined> {
    return this.#database.transaction(async (query) => {
      // Both may ask at the same moment.
      await query(LOCK);
      const [wish] = await query<{ kept: boolean }>(WANT, [user, now]);
      return wish && (wish.kept ? 'kept' : 'asked');
    });
  }

  async waiting(limit: number): Promise<{ readonly user: Person; readonly keepHistory: boolean; readonly since: number }[]> {
    const rows = await this.#database.query<{ user_id: string; name: string; kind: string | null; keep_history: boolean; since: number }>(
      `SELECT q.user_id, q.name, ${kindOf('q.user_id')} AS kind, q.keep_history, q.since FROM pair_queue q ORDER BY q.since, q.seq LIMIT $1`,
      [limit],
    );
    return rows.map(({ user_id: id, name, kind, keep_history: keepHistory, since }) => ({
      user: { id, name, ...kindMember(kind) },
      keepHistory,
      since,
    }));
  }

  async stopWaiting(user: string, askedBefore?: number): Promise<void> {
    await this.#database.query('DELETE FROM pair_queue WHERE user_id = $1 AND ($2::bigint IS NULL OR asked_at < $2)', [
      user,
      askedBefore ?? null,
    ]);
  }

  async isFindable(user: string): Promise<boolean> {
    return (await this.#database.query('SELECT 1 FROM pair_findable WHERE user_id = $1', [user])).length > 0;
  }

  async setFindable(user: string, findable: boolean): Promise<void> {
    await this.#database.query(
      findable ? 'INSERT INTO pair_findable (user_id) VALUES ($1) ON CONFLICT DO NOTHING' : 'DELETE FROM pair_findable WHERE user_id = $1',
      [user],
    );
  }

  async someFindable(limit: number): Promise<string[]> {
    return (await this.#database.query<{ user_id: string }>(SOME_FINDABLE, [limit])).map(({ user_id }) => user_id);
  }
}

async function pair(query: Query, { user, keepHistory, room, now, expiresAt }: MatchRequest, chosen: ChosenRow): Promise<MatchResult> {
  const kept = keepHistory && chosen.keep_history;
  await query(MAKE, [room, kept, now, expiresAt, user.id, user.name, chosen.id, chosen.name, keepHistory, chosen.keep_history]);
  return { state: 'paired', made: true, room, with: { id: chosen.id, name: chosen.name, ...kindMember(chosen.kind) }, expiresAt };
}

async function wait(query: Query, { user, keepHistory, now, onlyIfWaiting }: MatchRequest): Promise<MatchResult> {
  if (!onlyIfWaiting)
    await query(
      `INSERT INTO pair_queue (user_id, name, keep_history, since, asked_at) VALUES ($1, $2, $3, $4, $4)
       ON CONFLICT (user_id) DO UPDATE SET name = excluded.name, keep_history = excluded.keep_history, asked_at = excluded.asked_at`,
      [user.id, user.name, keepHistory, now],
    );
  return { state: 'waiting' };
}

function pairOf(row: PairRow): OpenPair {
  const { room, id, name, kind } = row;
  return { room, with: { id, name, ...kindMember(kind) }, expiresAt: row.expires_at ?? Number.POSITIVE_INFINITY };
}
