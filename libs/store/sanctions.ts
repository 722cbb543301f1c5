import type { Database } from './database.ts';
import type { Sanction, SanctionStore } from './store.ts';

type SanctionRow = { seq: number; kind: Sanction['kind']; subject: string; reason: string; at: number; until: number };

const COLUMNS = 'seq, kind, subject, reason, at, until';
/** A number is drawn before the commit: what was added in the last seconds is told again. Longer than any statement may take. */
const LATE = "interval '5 seconds'";

export class PostgresSanctions implements SanctionStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async add({ kind, subject, reason, at, until }: Omit<Sanction, 'seq'>): Promise<void> {
    await this.#database.query('INSERT INTO sanctions (kind, subject, reason, at, until) VALUES ($1, $2, $3, $4, $5)', [
      kind,
      subject,
      reason,
      at,
      until,
    ]);
  }

  standing(now: number): Promise<Sanction[]> {
    return this.#database.query<SanctionRow>(`SELECT ${COLUMNS} FROM sanctions WHERE until > $1 ORDER BY seq`, [now]);
  }

  since(seq: number): Promise<Sanction[]> {
    return this.#database.query<SanctionRow>(
      `SELECT ${COLUMNS} FROM sanctions WHERE seq > $1 OR added_at > clock_timestamp() - ${LATE} ORDER BY seq`,
      [seq],
    );
  }
}
