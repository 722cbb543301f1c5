import { HubError } from '#libs/protocol/errors.ts';
import type { NamePlace, SeenRecord, SeenStore } from './account-store.ts';
import type { AbsenceStore } from './conversation-store.ts';
import type { Database } from './database.ts';
import { type ListPage, pageOf } from './list-page.ts';

/** Milliseconds that touches are gathered: nobody waits for them. */
const WINDOW_MS = 200;
/** Most users of one statement, and most users with an unwritten touch. */
const GROUP_MAX = 1000;
const WAITING_MAX = 50_000;
/** Milliseconds until touches are written again if the database was away. */
const AGAIN_MS = 1000;

/** Sorted by user, so that two groups do not deadlock. */
const TOUCH = `
  INSERT INTO seen (user_id, name, kind, last_seen)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS s (user_id, name, kind, last_seen) ORDER BY s.user_id COLLATE "C"
  ON CONFLICT (user_id) DO UPDATE SET name = excluded.name, kind = excluded.kind, last_seen = excluded.last_seen
   WHERE excluded.last_seen >= seen.last_seen`;

const NAME_KEY = 'lower(name) COLLATE "C"';

/**
 * After the place of key `$3` and user `$4`. Whole names come before longer ones. Exported for the
 * test of its plan.
 */
export const NAMED = `
  SELECT user_id AS "user", name, kind, last_seen AS "lastSeen", ${NAME_KEY} AS key FROM seen
   WHERE ${NAME_KEY} LIKE lower($1) || '%' AND (${NAME_KEY}, user_id) > ($3::text, $4::text)
   ORDER BY ${NAME_KEY}, user_id LIMIT $2`;

/** The users who were here, in PostgreSQL. Touches are written in groups. */
export class PostgresSeen implements SeenStore {
  readonly #database: Database;
  /** The latest touch of each user. */
  readonly #waiting = new Map<string, SeenRecord>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  touch(record: SeenRecord): void {
    const known = this.#waiting.get(record.user);
    if (known !== undefined && known.lastSeen > record.lastSeen) return;
    if (known === undefined && this.#waiting.size >= WAITING_MAX) return;
    this.#waiting.set(record.user, record);
    this.#timer ??= setTimeout(() => void this.flush(), WINDOW_MS);
  }

  /** Includes touches that are not written yet. */
  async get(users: readonly string[]): Promise<SeenRecord[]> {
    await (users.some((user) => this.#waiting.has(user)) ? this.flush() : this.#writing);
    return this.#database.query<{ user: string; name: string; kind: string; lastSeen: number }>(
      'SELECT user_id AS "user", name, kind, last_seen AS "lastSeen" FROM seen WHERE user_id = ANY ($1::text[])',
      [users],
    );
  }

  async kindOf(user: string): Promise<string | undefined> {
    if (this.#waiting.has(user)) await this.flush();
    const row = await this.#database.first<{ kind: string | null }>(`SELECT ${kindOf('$1::text')} AS kind`, [user]);
    return row?.kind ?? undefined;
  }

  async named(
    text: string,
    { after, limit }: { readonly after?: NamePlace | undefined; readonly limit: number },
  ): Promise<ListPage<SeenRecord, NamePlace>> {
    const values = [text.replace(/[\\%_]/g, '\\$&'), limit + 1, after?.key ?? '', after?.user ?? ''];
    const rows = await this.#database.query<{ user: string; name: string; kind: string; lastSeen: number; key: string }>(NAMED, values);
    return pageOf(rows, limit, { item: ({ key: _, ...record }) => record, place: ({ key, user }) => ({ key, user }) });
  }

  /** Resolves when all touches so far are written or given up. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#writing;
    this.#writing = this.#write();
    await this.#writing;
  }

  async #write(): Promise<void> {
    const records = [...this.#waiting.values()];
    this.#waiting.clear();
    for (let from = 0; from < records.length; from += GROUP_MAX) {
      const group = records.slice(from, from + GROUP_MAX);
      const values = [
        group.map(({ user }) => user),
        group.map(({ name }) => name),
        group.map(({ kind }) => kind),
        group.map(({ lastSeen }) => lastSeen),
      ];
      try {
        await this.#database.query(TOUCH, values);
      } catch (error) {
        // Nobody can write to a user who is not recorded: retry. If the database rejects the group,
        // it is lost.
        if (error instanceof HubError && error.code === 'UNAVAILABLE') this.#putBack(records.slice(from));
        return;
      }
    }
  }

  #putBack(records: readonly SeenRecord[]): void {
    for (const record of records)
      if (!this.#waiting.has(record.user) && this.#waiting.size < WAITING_MAX) this.#waiting.set(record.user, record);
    this.#timer ??= setTimeout(() => void this.flush(), AGAIN_MS);
    this.#timer.unref();
  }
}

/**
 * Milliseconds after which an absence starts again if nobody looked meanwhile: the user may have
 * come and gone.
 */
const UNBROKEN_MS = 15_000;

/**
 * Sorted by user, so that two looks do not deadlock. If a user came and went between two looks, a
 * gateway touched `seen`.
 */
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

/** Absences in PostgreSQL. */
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

/**
 * SQL for the kind of the user in column `id`: by their last token, or else by a login, or else by
 * their account. Null if nothing is known. Looks up a few keys for each row, no more than are
 * needed.
 */
export function kindOf(id: string): string {
  return `coalesce(
    (SELECT s.kind FROM seen s WHERE s.user_id = ${id}),
    (SELECT f.kind FROM login_families f WHERE f.user_id = ${id} ORDER BY f.expires_at DESC LIMIT 1),
    CASE WHEN EXISTS (SELECT 1 FROM users k WHERE k.id = ${id}) THEN 'user'
         WHEN EXISTS (SELECT 1 FROM agents k WHERE k.id = ${id}) THEN 'agent'
         WHEN EXISTS (SELECT 1 FROM customers k WHERE k.id = ${id}) THEN 'customer' END)`;
}

/** The kind that `kindOf` found, as a member of a record. */
export function kindMember(kind: string | null): { readonly kind?: string } {
  return kind === null ? {} : { kind };
}
