import { HubError } from '#libs/protocol/errors.ts';
import type { Person } from '#libs/protocol/frame-types.ts';
import type {
  AgentRecord,
  AgentStore,
  BusyAgent,
  CustomerRecord,
  CustomerStore,
  ListedAgent,
  NamePlace,
  NameStore,
  UserRecord,
  UserStore,
} from './account-store.ts';
import type { Database, Query } from './database.ts';
import { type ListPage, pageOf } from './list-page.ts';
import { nameKey, textKey } from './name-key.ts';

type UserRow = { readonly id: string; readonly name: string; readonly mail: string };

const COLUMNS = 'id, name, mail';
/** Attempts to insert, in case the name or the address is freed between two statements. */
const TRIES = 3;

/** The agents of this hub, and those that were seen with a token of another issuer. */
const ALL_AGENTS = `SELECT DISTINCT ON (id) id, name, 'agent' AS kind
  FROM (SELECT id, name, 0 AS rank FROM agents UNION ALL SELECT user_id, name, 1 FROM seen WHERE kind = 'agent') AS known
 ORDER BY id, rank`;

/** Accounts in PostgreSQL. */
export class PostgresUsers implements UserStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async create(user: UserRecord): Promise<'created' | 'name-taken' | 'mail-taken'> {
    const keys = [textKey(user.name), textKey(user.mail)];
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      const outcome = await this.#database.transaction((query) =>
        // Waits for a transaction that inserts the same name or address now.
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
    // Two old names may share a key by now. Each is found by its own spelling.
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

/** Agents in PostgreSQL. */
export class PostgresAgents implements AgentStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async create(agent: AgentRecord): Promise<'created' | 'name-taken'> {
    const outcome = await this.#database.transaction((query) =>
      insertNamed(query, agent, () =>
        query(
          'INSERT INTO agents (id, name, name_key, password_hash) VALUES ($1, $2, $3, $4) ON CONFLICT (name_key) DO NOTHING RETURNING id',
          [agent.id, agent.name, textKey(agent.name), agent.passwordHash],
        ),
      ),
    );
    return outcome === 'created' ? 'created' : 'name-taken';
  }

  byName(name: string): Promise<AgentRecord | undefined> {
    return this.#database.first<{ id: string; name: string; passwordHash: string }>(
      `SELECT id, name, "passwordHash" FROM (
         SELECT id, name, password_hash AS "passwordHash", 0 AS rank FROM agents WHERE name_key = $1
         UNION ALL SELECT id, name, password_hash, 1 FROM agents WHERE id = (SELECT owner FROM taken_names WHERE name_key = $2)
       ) AS found ORDER BY rank LIMIT 1`,
      [textKey(name), nameKey(name)],
    );
  }

  async list(): Promise<ListedAgent[]> {
    const rows = await this.#database.query<{ name: string; createdAt: number; lastSeen: number | null; conversations: number }>(
      `SELECT a.name, (extract(epoch FROM a.created_at) * 1000)::bigint AS "createdAt", s.last_seen AS "lastSeen",
              (SELECT count(*) FROM conversations c WHERE c.agent_id = a.id AND c.state = 'assigned') AS conversations
         FROM agents a LEFT JOIN seen s ON s.user_id = a.id ORDER BY a.name`,
    );
    return rows.map(({ lastSeen, ...row }) => ({ ...row, lastSeen: lastSeen ?? undefined }));
  }

  async setPassword(id: string, passwordHash: string): Promise<void> {
    await this.#database.query('UPDATE agents SET password_hash = $2 WHERE id = $1', [id, passwordHash]);
  }

  async remove(id: string): Promise<void> {
    await this.#database.query(
      `WITH gone AS (DELETE FROM agents WHERE id = $1), unseen AS (DELETE FROM seen WHERE user_id = $1)
       DELETE FROM taken_names WHERE owner = $1`,
      [id],
    );
  }

  all(): Promise<Person[]> {
    return this.#database.query<{ id: string; name: string; kind: 'agent' }>(ALL_AGENTS);
  }

  async page({
    after,
    limit,
  }: {
    readonly after?: NamePlace | undefined;
    readonly limit: number;
  }): Promise<ListPage<BusyAgent, NamePlace>> {
    const rows = await this.#database.query<{ id: string; name: string; kind: 'agent'; key: string; conversations: number }>(
      `SELECT a.*, (SELECT count(*) FROM conversations c WHERE c.agent_id = a.id AND c.state = 'assigned') AS conversations
         FROM (SELECT known.*, lower(name) COLLATE "C" AS key FROM (${ALL_AGENTS}) AS known) AS a
        WHERE $1::text IS NULL OR (a.key, a.id COLLATE "C") > ($1, $2)
        ORDER BY a.key, a.id COLLATE "C" LIMIT $3`,
      [after?.key ?? null, after?.user ?? null, limit + 1],
    );
    return pageOf(rows, limit, { item: ({ key: _, ...agent }) => agent, place: ({ key, id }) => ({ key, user: id }) });
  }
}

/** Customers in PostgreSQL. */
export class PostgresCustomers implements CustomerStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async create({ id, name, channel, metadata }: CustomerRecord): Promise<void> {
    const json = metadata === undefined ? null : JSON.stringify(metadata);
    await this.#database.query('INSERT INTO customers (id, name, channel, metadata) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING', [
      id,
      name,
      channel,
      json,
    ]);
  }

  async byId(id: string): Promise<CustomerRecord | undefined> {
    const row = await this.#database.first<{ id: string; name: string; channel: string; metadata: string | null }>(
      'SELECT id, name, channel, metadata FROM customers WHERE id = $1',
      [id],
    );
    return row && { ...row, metadata: row.metadata === null ? undefined : JSON.parse(row.metadata) };
  }

  async channels(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const rows = await this.#database.query<{ id: string; channel: string }>(
      'SELECT id, channel FROM customers WHERE id = ANY ($1::text[])',
      [ids],
    );
    return new Map(rows.map(({ id, channel }) => [id, channel]));
  }
}

/**
 * Takes the name and inserts the row, in one transaction. `insert` resolves with the inserted rows.
 * If the outcome is not `created`, nothing is left behind. `other`: `insert` made no row.
 */
async function insertNamed(
  query: Query,
  { id, name }: { readonly id: string; readonly name: string },
  insert: () => Promise<readonly unknown[]>,
): Promise<'created' | 'name-taken' | 'other'> {
  // Waits for a transaction that takes the same name now.
  const taken = await query('INSERT INTO taken_names (name_key, owner) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING owner', [
    nameKey(name),
    id,
  ]);
  if (taken.length === 0) return 'name-taken';
  if ((await insert()).length > 0) return 'created';
  await query('DELETE FROM taken_names WHERE owner = $1', [id]);
  return 'other';
}

/** Rows of one read. */
const BATCH = 1000;

/**
 * Enters the names of accounts and agents that have no key yet, the oldest first. Can be repeated,
 * also by several processes at once.
 */
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

/** The taken names in PostgreSQL. */
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
