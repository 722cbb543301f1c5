import { HubError } from '#libs/protocol/errors.ts';
import type { NamePlace, SeenRecord, SeenStore } from './account-store.ts';
import type { Database } from './database.ts';
import { type ListPage, pageOf } from './list-page.ts';
import { kindOf } from './person-kind.ts';

/** Milliseconds that touches are gathered: nobody waits for them. */
const WINDOW_MS = 200;
/** Users in one statement, and users whose touch is remembered at most. */
const GROUP_MAX = 1000;
const WAITING_MAX = 50_000;
/** Milliseconds until touches are written again that found the database away. */
const AGAIN_MS = 1000;

/** In the order of users: two groups do not deadlock. */
const TOUCH = `
  INSERT INTO seen (user_id, name, kind, last_seen)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS s (user_id, name, kind, last_seen) ORDER BY s.user_id COLLATE "C"
  ON CONFLICT (user_id) DO UPDATE SET name = excluded.name, kind = excluded.kind, last_seen = excluded.last_seen
   WHERE excluded.last_seen >= seen.last_seen`;

const NAME_KEY = 'lower(name) COLLATE "C"';

/** Behind the place of `$3` (key) and `$4` (user); whole names come before longer ones. Exported for the test of its plan. */
export const NAMED = `
  SELECT user_id AS "user", name, kind, last_seen AS "lastSeen", ${NAME_KEY} AS key FROM seen
   WHERE ${NAME_KEY} LIKE lower($1) || '%' AND (${NAME_KEY}, user_id) > ($3::text, $4::text)
   ORDER BY ${NAME_KEY}, user_id LIMIT $2`;

export class PostgresSeen implements SeenStore {
  readonly #database: Database;
  /** The latest of each user. */
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

  /** What was touched here counts, written yet or not. */
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

  /** Resolves when all touches so far are written, or were given up. */
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
        // Whoever is not written down cannot be written to: it is tried again. What no database takes is lost.
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
