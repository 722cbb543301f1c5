import { HubError } from '#libs/protocol/errors.ts';
import type { UserRecord, UserStore } from './account-store.ts';
import type { Database } from './database.ts';
import { nameKey, textKey } from './name-key.ts';
import { insertNamed } from './names.ts';

type UserRow = { readonly id: string; readonly name: string; readonly mail: string };

const COLUMNS = 'id, name, mail';
/** Attempts, where the name or the address is freed again between two statements. */
const TRIES = 3;

export class PostgresUsers implements UserStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async create(user: UserRecord): Promise<'created' | 'name-taken' | 'mail-taken'> {
    const keys = [textKey(user.name), textKey(user.mail)];
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      const outcome = await this.#database.transaction((query) =>
        // Waits for whoever is inserting the same at this moment.
        insertNamed(query, user, () =>
          query('INSERT INTO users (id, name, mail, name_key, mail_key) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id', [
            user.id,
            user.name,
            user.mail,
            ...keys,
          ]),
        ),
      );
      if (outcome !== 'other') return outcome;
      const taken = await this.#database.first<{ name: boolean; mail: boolean }>(
        'SELECT EXISTS (SELECT 1 FROM users WHERE name_key = $1) AS name, EXISTS (SELECT 1 FROM users WHERE mail_key = $2) AS mail',
        keys,
      );
      if (taken?.name === true) return 'name-taken';
      if (taken?.mail === true) return 'mail-taken';
    }
    throw new HubError('UNAVAILABLE');
  }

  byMail(mail: string): Promise<UserRecord | undefined> {
    return this.#database.first<UserRow>(`SELECT ${COLUMNS} FROM users WHERE mail_key = $1`, [textKey(mail)]);
  }

  byName(name: string): Promise<UserRecord | undefined> {
    // Of two old names that are one by the new key, each is found by its own spelling.
    return this.#database.first<UserRow>(
      `SELECT ${COLUMNS} FROM (
         SELECT ${COLUMNS}, 0 AS rank FROM users WHERE name_key = $1
         UNION ALL SELECT ${COLUMNS}, 1 FROM users WHERE id = (SELECT owner FROM taken_names WHERE name_key = $2)
       ) AS found ORDER BY rank LIMIT 1`,
      [textKey(name), nameKey(name)],
    );
  }

  byId(id: string): Promise<UserRecord | undefined> {
    return this.#database.first<UserRow>(`SELECT ${COLUMNS} FROM users WHERE id = $1`, [id]);
  }

  byIds(ids: readonly string[]): Promise<readonly UserRecord[]> {
    return this.#database.query<UserRow>(`SELECT ${COLUMNS} FROM users WHERE id = ANY ($1::text[])`, [ids]);
  }
}
