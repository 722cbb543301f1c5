import type { LogPage } from './change-logs.ts';
import type { Database } from './database.ts';
import type { ConsumerPosition, EventRow, EventStore } from './event-store.ts';
import { TransactionLog } from './transaction-log.ts';

/** Rows live seven days (upkeep.ts). Ten minutes for a transaction that was long under way when it added its row. */
const KEPT_MS = 7 * 86_400_000 - 600_000;
/** Events of one read at most. */
const PAGE = 1000;

/** What a read selects. Exported for the test of its plan. */
export const EVENT_COLUMNS = 'seq, kind, room, users, payload, (extract(epoch FROM added_at) * 1000)::bigint AS at';

type StoredRow = Omit<EventRow, 'room'> & { readonly room: string | null };

const POSITION = 'SELECT position, held_until < clock_timestamp() AS is_free FROM event_consumers WHERE name = $1';
const HOLD = `
  UPDATE event_consumers SET holder = $3, held_until = clock_timestamp() + $4::bigint * interval '1 millisecond'
   WHERE name = $1 AND position = $2 AND held_until < clock_timestamp() RETURNING 1`;
const RELEASE = `
  UPDATE event_consumers SET position = $3, holder = NULL, held_until = '-infinity' WHERE name = $1 AND holder = $2 RETURNING 1`;

/** The log that the triggers of migration 010 write. */
export class PostgresEvents implements EventStore {
  readonly #database: Database;
  readonly #log: TransactionLog<StoredRow, EventRow>;

  /** `following`: the connections of what follows changes. */
  constructor(database: Database, following: Database) {
    this.#database = database;
    this.#log = new TransactionLog<StoredRow, EventRow>({
      database: following,
      table: 'events',
      columns: EVENT_COLUMNS,
      entryOf: ({ seq, kind, room, users, payload, at }) => ({ seq, kind, room: room ?? undefined, users, payload, at }),
      keptMs: KEPT_MS,
      pageMax: PAGE,
    });
  }

  since(mark: string | undefined, kinds: readonly string[]): Promise<LogPage<EventRow>> {
    return mark === undefined ? this.#log.begin('false') : this.#log.since(mark, kinds);
  }

  async position(consumer: string): Promise<ConsumerPosition> {
    const row = await this.#database.first<{ position: string; is_free: boolean }>(POSITION, [consumer]);
    if (row === undefined) throw new TypeError(`no migration made the consumer of events ${consumer}`);
    return { position: row.position, isFree: row.is_free };
  }

  async hold(consumer: string, position: string, holder: string, ms: number): Promise<boolean> {
    return (await this.#database.query(HOLD, [consumer, position, holder, ms])).length > 0;
  }

  async release(consumer: string, holder: string, position: string): Promise<boolean> {
    return (await this.#database.query(RELEASE, [consumer, holder, position])).length > 0;
  }
}
