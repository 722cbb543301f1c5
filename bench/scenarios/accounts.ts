/** The content of the database before the API is measured. */

import { CODE, mailOf, STORED } from '#bench/load/http-request.ts';
import { deriveKey } from '#libs/auth/tokens.ts';
import { accountKey, codeHash } from '#services/api/account-name.ts';
import type { PostgresDatabase } from '#test/support/postgres.ts';

/** Accounts. Each logs in once in a run. */
export const ACCOUNTS = 100_000;
const CODE_MS = 600_000;

/** Registers the accounts, and fills the park with messages of 128 bytes. */
export async function fillDatabase(database: PostgresDatabase): Promise<void> {
  await database.query(
    `INSERT INTO users (id, name, name_key, mail, mail_key)
     SELECT gen_random_uuid()::text, 'u' || n, 'u' || n, 'u' || n || '@bench.test', 'u' || n || '@bench.test' FROM generate_series(0, $1::int - 1) AS n`,
    [ACCOUNTS],
  );
  await database.query(
    `INSERT INTO messages (room, "offset", epoch, id, sender, text, data, at)
     SELECT 'park', n, 'epoch-of-the-bench', left(md5(n::text), 22), '{"id":"u' || n % 50 || '","name":"u' || n % 50 || '"}', '"' || repeat('x', 128) || '"',
            NULL, (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM generate_series(1, $1::int) AS n`,
    [STORED],
  );
  await database.query('INSERT INTO room_tops (room, top, at) VALUES ($1, $2, $3)', ['park', STORED, Date.now()]);
  await database.query('VACUUM ANALYZE');
}

/** Replaces the codes of accounts by known ones, in place of reading the mail. */
export async function knowCodes(database: PostgresDatabase, secret: string, first: number, count: number): Promise<void> {
  const key = deriveKey(secret, 'login codes');
  const mails = Array.from({ length: count }, (_, i) => mailOf(first + i));
  const hashes = mails.map((mail) => codeHash(key, accountKey(mail), CODE));
  const changed = await database.query(
    `UPDATE login_attempts c SET hash = i.hash, expires_at = $3 FROM unnest($1::text[], $2::text[]) AS i (account, hash)
      WHERE c.account = i.account RETURNING 1`,
    [mails.map(accountKey), hashes, Date.now() + CODE_MS],
  );
  if (changed.length !== count) throw new Error(`${count} accounts asked for a code, ${changed.length} have one`);
}
