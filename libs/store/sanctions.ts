import type { Database } from './database.ts';
import type { LogPage, Sanction, SanctionStore } from './store.ts';
import { TransactionLog } from './transaction-log.ts';

type SanctionRow = { seq: number; kind: Sanction['kind']; subject: string; reason: string; at: number; until: number };

const COLUMNS = 'seq, kind, subject, reason, at, until';
/** Of sanctions none is missed for its age: each stays as long as it holds. */
const KEPT_MS = Number.POSITIVE_INFINITY;

export class PostgresSanctions implements SanctionStore {
  readonly #database: Database;
  readonly #log: TransactionLog<SanctionRow, Sanction>;

  constructor(database: Database) {
    this.#database = database;
    this.#log = new TransactionLog<SanctionRow, Sanction>({
      database,
      table: 'sanctions',
      columns: COLUMNS,
      entryOf: ({ seq, kind, subject, reason, at, until }) => ({ seq, kind, subject, reason, at, until }),
      keptMs: KEPT_MS,
    });
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

  since(mark: string | undefined, now: number): Promise<LogPage<Sanction>> {
    return mark === undefined ? this.#log.begin('l.until > $1', [now]) : this.#log.since(mark);
  }
}
