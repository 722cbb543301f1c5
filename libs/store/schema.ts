/** The migrations of this version, and whether a database has them. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Query } from './database.ts';

/** The folder of the migrations. */
export const MIGRATIONS = fileURLToPath(new URL('./migrations', import.meta.url));
/** The table that records which have run. */
export const MIGRATIONS_TABLE = 'schema_migrations';

const THERE = 'SELECT to_regclass($1) IS NOT NULL AS "isThere"';
const RAN = `SELECT name FROM ${MIGRATIONS_TABLE}`;

/** The schema is older than this version needs. The message says what to do. */
class SchemaError extends Error {
  override readonly name = 'SchemaError';
}

/**
 * Resolves if the database has every migration of this version. It may have later ones, too:
 * migrations only add.
 *
 * @throws SchemaError that names the first missing one.
 */
export async function checkSchema(query: Query): Promise<void> {
  const needed = readdirSync(MIGRATIONS)
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -'.sql'.length))
    .toSorted();
  const [table] = await query<{ isThere: boolean }>(THERE, [MIGRATIONS_TABLE]);
  const ran = table?.isThere === true ? await query<{ name: string }>(RAN) : [];
  const missing = needed.find((name) => !ran.some((row) => row.name === name));
  if (missing !== undefined)
    throw new SchemaError(`its schema is older than this version needs, run npm run migrate (${missing} is missing)`);
}
