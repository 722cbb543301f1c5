import type { Database } from './database.ts';
import type { AgentRecord, AgentStore, RoomMember } from './store.ts';
import { textKey } from './text-key.ts';

export class PostgresAgents implements AgentStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async create(agent: AgentRecord): Promise<'created' | 'name-taken'> {
    const made = await this.#database.query(
      'INSERT INTO agents (id, name, name_key, password_hash) VALUES ($1, $2, $3, $4) ON CONFLICT (name_key) DO NOTHING RETURNING id',
      [agent.id, agent.name, textKey(agent.name), agent.passwordHash],
    );
    return made.length > 0 ? 'created' : 'name-taken';
  }

  byName(name: string): Promise<AgentRecord | undefined> {
    return this.#database.first<{ id: string; name: string; passwordHash: string }>(
      'SELECT id, name, password_hash AS "passwordHash" FROM agents WHERE name_key = $1',
      [textKey(name)],
    );
  }

  all(): Promise<RoomMember[]> {
    return this.#database.query<{ id: string; name: string }>(
      `SELECT DISTINCT ON (id) id, name
         FROM (SELECT id, name, 0 AS rank FROM agents UNION ALL SELECT user_id, name, 1 FROM seen WHERE kind = 'agent') AS known
        ORDER BY id, rank`,
    );
  }
}
