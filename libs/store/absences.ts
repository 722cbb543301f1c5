import type { AbsenceStore } from './conversation-store.ts';
import type { Database } from './database.ts';

/** Whoever was not looked for in this time may have come and gone meanwhile: their absence begins anew. Milliseconds. */
const UNBROKEN_MS = 15_000;

/** In the order of users: two looks at once do not deadlock. Whoever came and went between two looks was seen by a gateway. */
const LOOK = `
  WITH here AS (
    DELETE FROM absences WHERE user_id = ANY ($1::text[])
  ), away AS (
    INSERT INTO absences AS a (user_id, since, looked_at)
    SELECT user_id, $3, $3 FROM unnest($2::text[]) AS u (user_id) ORDER BY user_id COLLATE "C"
    ON CONFLICT (user_id) DO UPDATE
       SET since = CASE WHEN a.looked_at < $3 - ${UNBROKEN_MS} THEN $3 ELSE a.since END, looked_at = greatest(a.looked_at, $3)
    RETURNING user_id, since
  )
  SELECT away.user_id AS "user", greatest(away.since, s.last_seen) AS since FROM away LEFT JOIN seen s USING (user_id)`;

export class PostgresAbsences implements AbsenceStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async look(here: readonly string[], away: readonly string[], now: number): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#database.query<{ user: string; since: number }>(LOOK, [here, [...new Set(away)], now]);
    return new Map(rows.map(({ user, since }) => [user, since]));
  }
}
