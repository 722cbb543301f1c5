import type { LogPage, RevocationRecord, RevocationStore } from './change-logs.ts';
import type { Database } from './database.ts';
import { TransactionLog } from './transaction-log.ts';

type RevocationRow = { seq: number; kind: RevocationRecord['kind']; subject: string; reason: string; at: number; until: number };

const COLUMNS = 'seq, kind, subject, reason, at, until';
/** Of revocations none is missed for its age: each stays as long as it holds. */
const KEPT_MS = Number.POSITIVE_INFINITY;

const ADD = 'INSERT INTO sanctions (kind, subject, reason, at, until) VALUES ($1, $2, $3, $4, $5)';
/** An unban outlasts the bans that it lifts by a minute, and is of no interest afterwards. */
const LIFT = `
  INSERT INTO sanctions (kind, subject, reason, at, until)
  SELECT $1, $2, $3, $4::bigint, least($5::bigint, 60000 + greatest($4::bigint, (SELECT max(until) FROM sanctions WHERE kind = 'ban' AND subject = $2)))`;
/** What holds at `$1`: no ban that was lifted, and nothing of its lifting. */
const HOLDING = `l.until > $1 AND l.kind <> 'unban' AND NOT (
  l.kind = 'ban' AND EXISTS (SELECT 1 FROM sanctions u WHERE u.kind = 'unban' AND u.subject = l.subject AND u.seq > l.seq))`;

/** The newest word about a user, a ban or its lifting, that still holds. Exported for the test of its plan. */
export const BAN_OF = `SELECT kind, until FROM sanctions WHERE kind IN ('ban', 'unban') AND subject = $1 AND until > $2 ORDER BY seq DESC LIMIT 1`;

export class PostgresRevocations implements RevocationStore {
  readonly #database: Database;
  readonly #messaging: Database;
  readonly #log: TransactionLog<RevocationRow, RevocationRecord>;

  /** `messaging`: the connections of the log that every node follows. */
  constructor(database: Database, messaging: Database) {
    this.#database = database;
    this.#messaging = messaging;
    this.#log = new TransactionLog<RevocationRow, RevocationRecord>({
      database: messaging,
      table: 'sanctions',
      columns: COLUMNS,
      entryOf: ({ seq, kind, subject, reason, at, until }) => ({ seq, kind, subject, reason, at, until }),
      keptMs: KEPT_MS,
    });
  }

  async add({ kind, subject, reason, at, until }: Omit<RevocationRecord, 'seq'>): Promise<void> {
    await this.#messaging.query(kind === 'unban' ? LIFT : ADD, [kind, subject, reason, at, until]);
  }

  async bannedUntil(user: string, now: number): Promise<number | undefined> {
    const row = await this.#database.first<Pick<RevocationRow, 'kind' | 'until'>>(BAN_OF, [user, now]);
    return row?.kind === 'ban' ? row.until : undefined;
  }

  since(mark: string | undefined, now: number): Promise<LogPage<RevocationRecord>> {
    return mark === undefined ? this.#log.begin(HOLDING, [now]) : this.#log.since(mark);
  }
}
