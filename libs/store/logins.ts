import { failPoint } from '#libs/config/fail-point.ts';
import type { Database } from './database.ts';
import type { EarlierSecret, FamilyRecord, LivingLogin, LoginSecrets, LoginStore } from './login-store.ts';

type LoginRow = {
  id: string;
  userId: string;
  name: string;
  kind: string;
  expiresAt: number;
  generation: number;
  hash: string;
  earlier: string;
};

/** Each is one statement: what races here is decided by the row's lock. */
export class PostgresLogins implements LoginStore {
  readonly #database: Database;
  readonly #now: () => number;

  constructor(database: Database, now: () => number) {
    this.#database = database;
    this.#now = now;
  }

  async putTicket(hash: string, mail: string, expiresAt: number): Promise<void> {
    await this.#database.query('INSERT INTO login_tickets (hash, mail, expires_at) VALUES ($1, $2, $3)', [hash, mail, expiresAt]);
  }

  async ticket(hash: string, now: number): Promise<string | undefined> {
    const row = await this.#database.first<{ mail: string }>('SELECT mail FROM login_tickets WHERE hash = $1 AND expires_at > $2', [
      hash,
      now,
    ]);
    return row?.mail;
  }

  async dropTicket(hash: string): Promise<boolean> {
    const dropped = await this.#database.query('DELETE FROM login_tickets WHERE hash = $1 AND expires_at > $2 RETURNING 1', [
      hash,
      this.#now(),
    ]);
    return dropped.length > 0;
  }

  async openFamily(family: FamilyRecord, secretHash: string): Promise<void> {
    const { id, userId, name, kind, expiresAt } = family;
    await this.#database.query(
      'INSERT INTO login_families (id, user_id, name, kind, expires_at, secret_hash) VALUES ($1, $2, $3, $4, $5, $6)',
      [id, userId, name, kind, expiresAt, secretHash],
    );
  }

  async knowsLogin(familyId: string): Promise<boolean> {
    return (await this.#database.first('SELECT 1 FROM login_families WHERE id = $1', [familyId])) !== undefined;
  }

  async livingLogin(familyId: string, now: number): Promise<LivingLogin | undefined> {
    const row = await this.#database.first<LoginRow>(
      `SELECT id, user_id AS "userId", name, kind, expires_at AS "expiresAt", generation, secret_hash AS hash, earlier
         FROM login_families WHERE id = $1 AND NOT revoked AND expires_at > $2`,
      [familyId, now],
    );
    if (row === undefined) return undefined;
    const { generation, hash, earlier, ...family } = row;
    return { family, secrets: { id: family.id, generation, hash, earlier: JSON.parse(earlier) as EarlierSecret[] } };
  }

  async replaceSecrets({ id, generation, hash }: LoginSecrets, after: Omit<LoginSecrets, 'id'>, now: number): Promise<boolean> {
    const replaced = await this.#database.query(
      `UPDATE login_families SET generation = $5, secret_hash = $6, earlier = $7
        WHERE id = $1 AND generation = $2 AND secret_hash = $3 AND NOT revoked AND expires_at > $4
       RETURNING 1`,
      [id, generation, hash, now, after.generation, after.hash, JSON.stringify(after.earlier)],
    );
    failPoint('after-login-renewed');
    return replaced.length > 0;
  }

  async revokeFamily(familyId: string): Promise<string | undefined> {
    const row = await this.#database.first<{ kind: string }>('UPDATE login_families SET revoked = true WHERE id = $1 RETURNING kind', [
      familyId,
    ]);
    return row?.kind;
  }

  async revokeFamiliesOf(userId: string): Promise<void> {
    await this.#database.query('UPDATE login_families SET revoked = true WHERE user_id = $1 AND NOT revoked', [userId]);
  }
}
