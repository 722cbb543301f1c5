import type { CustomerRecord, CustomerStore } from './account-store.ts';
import type { Database } from './database.ts';

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
}
