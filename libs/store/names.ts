/** Names that belong to somebody (A3): one table for accounts and agents. */

import type { NameStore } from './account-store.ts';
import type { Database, Query } from './database.ts';
import { nameKey } from './name-key.ts';

/** Inserts `row` under its name, in one transaction: 'taken' leaves nothing behind. `insert` resolves with the rows it made. */
export async function insertNamed(
  query: Query,
  { id, name }: { readonly id: string; readonly name: string },
  insert: () => Promise<readonly unknown[]>,
): Promise<'created' | 'name-taken' | 'other'> {
  // Waits for whoever is taking the same at this moment.
  const taken = await query('INSERT INTO taken_names (name_key, owner) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING owner', [
    nameKey(name),
    id,
  ]);
  if (taken.length === 0) return 'name-taken';
  if ((await insert()).length > 0) return 'created';
  await query('DELETE FROM taken_names WHERE owner = $1', [id]);
  return 'other';
}

/** Rows read at a time. */
const BATCH = 1000;

/** Enters the names that accounts and agents had before there was a key, the oldest first. May be repeated, and done by several at once. */
export async function enterNames(query: Query): Promise<void> {
  let after = { made: '-infinity', id: '' };
  for (;;) {
    const rows = await query<{ id: string; name: string; made: string }>(
      `SELECT id, name, made::text AS made
         FROM (SELECT id, name, created_at AS made FROM users UNION ALL SELECT id, name, created_at FROM agents) AS named
        WHERE (made, id) > ($1::timestamptz, $2) AND NOT EXISTS (SELECT 1 FROM taken_names t WHERE t.owner = named.id)
        ORDER BY made, id LIMIT ${BATCH}`,
      [after.made, after.id],
    );
    if (rows.length === 0) return;
    await query('INSERT INTO taken_names (name_key, owner) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING', [
      rows.map(({ name }) => nameKey(name)),
      rows.map(({ id }) => id),
    ]);
    const last = rows.at(-1);
    if (rows.length < BATCH || last === undefined) return;
    after = last;
  }
}

export class PostgresNames implements NameStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async isTaken(name: string): Promise<boolean> {
    return (await this.#database.first('SELECT owner FROM taken_names WHERE name_key = $1', [nameKey(name)])) !== undefined;
  }

  enterMissing(): Promise<void> {
    return enterNames((sql, values) => this.#database.query(sql, values));
  }

  async guarded(): Promise<readonly string[]> {
    const rows = await this.#database.query<{ name: string }>(
      `SELECT name FROM agents UNION SELECT name FROM seen WHERE kind IN ('agent', 'service', 'moderator')`,
    );
    return rows.map(({ name }) => name);
  }
}
