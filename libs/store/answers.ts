import type { Database } from './database.ts';
import type { AnswerStore, Claim, KeptAnswer } from './login-store.ts';

/** Milliseconds after which a claim that is not renewed counts as one of a dead process. */
const STALE_MS = 30_000;
/** The database's clock, because the clocks of two processes differ. */
const NOW = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';
/**
 * `claimed_at` of a released claim: the next request gets the key. If it is the same request, it
 * finds the things made under the claim.
 */
const RELEASED = 0;

/** Each method is one statement. If several claims compete, the row's key lets one through. */
export class PostgresAnswers implements AnswerStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async claim({ scope, requestHash, id, now, expiresAt }: Claim): Promise<Pick<Claim, 'expiresAt'> | KeptAnswer | undefined> {
    const claimed = await this.#database.first<Pick<Claim, 'expiresAt'>>(
      `INSERT INTO idempotent_answers AS a (scope, request_hash, claim, claimed_at, expires_at) VALUES ($1, $2, $3, ${NOW}, $5)
       ON CONFLICT (scope) DO UPDATE SET
         request_hash = excluded.request_hash, claim = excluded.claim, claimed_at = excluded.claimed_at, answer = NULL,
         expires_at = CASE WHEN a.expires_at <= $4 THEN excluded.expires_at ELSE a.expires_at END
       WHERE a.expires_at <= $4
          OR (a.answer IS NULL AND a.claimed_at <= excluded.claimed_at - ${STALE_MS} AND (a.request_hash = excluded.request_hash OR a.claimed_at = ${RELEASED}))
       RETURNING expires_at AS "expiresAt"`,
      [scope, requestHash, id, now, expiresAt],
    );
    if (claimed !== undefined) return claimed;
    const row = await this.#database.first<{ requestHash: string; answer: string | null }>(
      'SELECT request_hash AS "requestHash", answer FROM idempotent_answers WHERE scope = $1',
      [scope],
    );
    return row && { requestHash: row.requestHash, answer: row.answer ?? undefined };
  }

  async renew({ scope, id }: Pick<Claim, 'scope' | 'id'>): Promise<void> {
    await this.#database.query(
      `UPDATE idempotent_answers SET claimed_at = ${NOW} WHERE scope = $1 AND claim = $2 AND answer IS NULL AND claimed_at <> ${RELEASED}`,
      [scope, id],
    );
  }

  async keep({ scope, id }: Pick<Claim, 'scope' | 'id'>, answer: string): Promise<void> {
    await this.#database.query('UPDATE idempotent_answers SET answer = $3 WHERE scope = $1 AND claim = $2', [scope, id, answer]);
  }

  async release({ scope, id }: Pick<Claim, 'scope' | 'id'>): Promise<void> {
    await this.#database.query(
      `UPDATE idempotent_answers SET claimed_at = ${RELEASED} WHERE scope = $1 AND claim = $2 AND answer IS NULL`,
      [scope, id],
    );
  }
  async drop({ scope, id }: Pick<Claim, 'scope' | 'id'>): Promise<void> {
    await this.#database.query('DELETE FROM idempotent_answers WHERE scope = $1 AND claim = $2 AND answer IS NULL', [scope, id]);
  }
}
