import type { AgentRecord, AgentStore } from './account-store.ts';
import type { Database } from './database.ts';
import { nameKey, textKey } from './name-key.ts';
import { insertNamed } from './names.ts';
import type { RoomMember } from './room-store.ts';

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

  all(): Promise<RoomMember[]> {
    return this.#database.query<{ id: string; name: string; kind: 'agent' }>(
      `SELECT DISTINCT ON (id) id, name, 'agent' AS kind
         FROM (SELECT id, name, 0 AS rank FROM agents UNION ALL SELECT user_id, name, 1 FROM seen WHERE kind = 'agent') AS known
        ORDER BY id, rank`,
    );
  }
}
