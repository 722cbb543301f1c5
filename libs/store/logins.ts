import { timingSafeEqual } from 'node:crypto';
import { failPoint } from '#libs/config/fail-point.ts';
import type { Database, Query } from './database.ts';
import type { ActiveLogin, CodeStore, CodeTry, EarlierSecret, FamilyRecord, LoginSecrets, LoginStore, NewCode } from './login-store.ts';

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

/** Each method is one statement: the row's lock decides races. */
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
    const { id, userId, name, kind, expiresAt, browser = null } = family;
    await this.#database.query(
      'INSERT INTO login_families (id, user_id, name, kind, expires_at, secret_hash, browser) VALUES ($1, $2, $3, $4, $5, $6, $7)',
      [id, userId, name, kind, expiresAt, secretHash, browser],
    );
  }

  async knowsLogin(familyId: string): Promise<boolean> {
    return (await this.#database.first('SELECT 1 FROM login_families WHERE id = $1', [familyId])) !== undefined;
  }

  async activeLogin(familyId: string, now: number): Promise<ActiveLogin | undefined> {
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

/** Codes that an account keeps for each asker. */
const CODES = 5;
/** Wrong tries that burn a code. */
const TRIES = 5;
/** Wrong tries of an account, and then of a device, in a window that begins with the first one. */
const ACCOUNT_TRIES = 20;
const DEVICE_TRIES = 10;
const WINDOW_MS = 600_000;

type CodeRow = { id: string; hash: string; tries: number; column: 'named_tries' | 'other_tries' };
type TriesRow = { wrong: number; until: number };

/**
 * Each method is a transaction: row locks decide races. The code is locked first, then the tries.
 */
export class PostgresCodes implements CodeStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  put({ attempt, account, asker, hash, expiresAt }: NewCode): Promise<void> {
    return this.#database.transaction(async (query) => {
      await query('INSERT INTO login_attempts (id, account, asker, hash, expires_at) VALUES ($1, $2, $3, $4, $5)', [
        attempt,
        account,
        asker,
        hash,
        expiresAt,
      ]);
      await query(
        `DELETE FROM login_attempts WHERE account = $1 AND asker = $2 AND id NOT IN
           (SELECT id FROM login_attempts WHERE account = $1 AND asker = $2 ORDER BY seq DESC LIMIT ${CODES})`,
        [account, asker],
      );
    });
  }

  redeem(tried: CodeTry): Promise<'ok' | 'wrong' | 'spent' | number> {
    return this.#database.transaction(async (query) => {
      const { now } = tried;
      const code = await codeOf(query, tried);
      // If there is no code to compare with, a try guesses nothing and is not counted.
      if (code === undefined) return 'wrong';
      if (code.tries >= TRIES) return 'spent';
      const payer = await payerOf(query, tried.account, tried.device, now);
      if (typeof payer === 'number') return payer;
      if (tried.hashes.some((hash) => isSame(code.hash, hash))) {
        await query('DELETE FROM login_attempts WHERE id = $1', [code.id]);
        return 'ok';
      }
      await query(`UPDATE login_attempts SET ${code.column} = ${code.column} + 1 WHERE id = $1`, [code.id]);
      await count(query, payer, 1);
      return code.tries + 1 < TRIES ? 'wrong' : 'spent';
    });
  }

  beginTry(account: string, device: string | undefined, now: number): Promise<{ readonly payer: string } | number> {
    return this.#database.transaction(async (query) => {
      const payer = await payerOf(query, account, device, now);
      if (typeof payer === 'number') return payer;
      await count(query, payer, 1);
      return { payer };
    });
  }

  async forgiveTry({ payer }: { readonly payer: string }): Promise<void> {
    await this.#database.use((query) => count(query, payer, -1));
  }
}

/** Locks the tried code. `column` counts the wrong tries that name the code in this way. */
async function codeOf(query: Query, { account, attempt, orNewest, askers, now }: CodeTry): Promise<CodeRow | undefined> {
  const [named] = await query<CodeRow>(
    `SELECT id, hash, named_tries AS tries, 'named_tries' AS column FROM login_attempts
      WHERE account = $1 AND id = $2 AND expires_at > $3 FOR UPDATE`,
    [account, attempt ?? '', now],
  );
  if (named !== undefined || !orNewest) return named;
  const [newest] = await query<CodeRow>(
    `SELECT id, hash, other_tries AS tries, 'other_tries' AS column FROM login_attempts
      WHERE account = $1 AND asker = ANY ($2::text[]) AND expires_at > $3 ORDER BY seq DESC LIMIT 1 FOR UPDATE`,
    [account, askers, now],
  );
  return newest;
}

/**
 * Locks the account or the device that the next wrong try counts for, and returns its key. If its
 * tries are used up: the milliseconds to wait.
 */
async function payerOf(query: Query, account: string, device: string | undefined, now: number): Promise<string | number> {
  const { wrong, until } = await locked(query, account, now);
  if (wrong < ACCOUNT_TRIES) return account;
  if (device === undefined) return until - now;
  const payer = `device:${device}`;
  const own = await locked(query, payer, now);
  return own.wrong < DEVICE_TRIES ? payer : own.until - now;
}

/** Starts a new window if the old one is over. */
async function locked(query: Query, subject: string, now: number): Promise<TriesRow> {
  const [row] = await query<TriesRow>(
    `INSERT INTO login_tries AS t (subject, wrong, until) VALUES ($1, 0, $2)
     ON CONFLICT (subject) DO UPDATE SET
       wrong = CASE WHEN t.until > $3 THEN t.wrong ELSE 0 END, until = CASE WHEN t.until > $3 THEN t.until ELSE excluded.until END
     RETURNING wrong, until`,
    [subject, now + WINDOW_MS, now],
  );
  return row ?? { wrong: 0, until: now };
}

async function count(query: Query, subject: string, tries: 1 | -1): Promise<void> {
  await query('UPDATE login_tries SET wrong = greatest(0, wrong + $2) WHERE subject = $1', [subject, tries]);
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
