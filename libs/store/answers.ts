import type { Database } from './database.ts';
import type { AnswerStore, Claim, KeptAnswer } from './store.ts';

/** A claim that is this old belongs to a process that died: milliseconds. No request takes as long. */
const STALE_MS = 30_000;

/** Each is one statement: of several claims at once the row's key lets one in. */
export class PostgresAnswers implements AnswerStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async claim({ scope, requestHash, id, now, expiresAt }: Claim): Promise<'claimed' | KeptAnswer | undefined> {
    const claimed = await this.#database.query(
      `INSERT INTO idempotent_answers AS a (scope, request_hash, claim, claimed_at, expires_at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (scope) DO UPDATE SET
         request_hash = excluded.request_hash, claim = excluded.claim, claimed_at = excluded.claimed_at, expires_at = excluded.expires_at, answer = NULL
       WHERE a.expires_at <= $4 OR (a.answer IS NULL AND a.claimed_at <= $6 AND a.request_hash = excluded.request_hash)
       RETURNING 1`,
      [scope, requestHash, id, now, expiresAt, now - STALE_MS],
    );
    if (claimed.length > 0) return 'claimed';
    const row = await this.#database.first<{ requestHash: string; answer: string | null }>(
      'SELECT request_hash AS "requestHash", answer FROM idempotent_answers WHERE scope = $1',
      [scope],
    );
    return row && { requestHash: row.requestHash, answer: row.answer ?? undefined };
  }

  async keep({ scope, id }: Pick<Claim, 'scope' | 'id'>, answer: string): Promise<void> {
    await this.#database.query('UPDATE idempotent_answers SET answer = $3 WHERE scope = $1 AND claim = $2', [scope, id, answer]);
  }

  async release({ scope, id }: Pick<Claim, 'scope' | 'id'>): Promise<void> {
    await this.#database.query('DELETE FROM idempotent_answers WHERE scope = $1 AND claim = $2 AND answer IS NULL', [scope, id]);
  }
}
