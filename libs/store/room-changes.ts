import type { LogPage, RoomChange, RoomChangeStore } from './change-logs.ts';
import type { Database } from './database.ts';
import { TransactionLog } from './transaction-log.ts';

/** Rows live an hour (upkeep.ts). Ten minutes for a transaction that was long under way when it added its row. */
const KEPT_MS = 3_000_000;

type ChangeRow = {
  readonly seq: number;
  readonly room: string;
  readonly change: RoomChange['change'];
  readonly reason: RoomChange['reason'] | null;
  readonly users: readonly string[];
};

/** The log that the triggers of migration 008 write. */
export class PostgresRoomChanges implements RoomChangeStore {
  readonly #log: TransactionLog<ChangeRow, RoomChange>;

  constructor(database: Database) {
    this.#log = new TransactionLog<ChangeRow, RoomChange>({
      database,
      table: 'room_changes',
      columns: 'seq, room, change, reason, users',
      entryOf: ({ room, change, reason, users }) => ({ room, change, reason: reason ?? undefined, users }),
      keptMs: KEPT_MS,
    });
  }

  since(mark: string | undefined): Promise<LogPage<RoomChange>> {
    return mark === undefined ? this.#log.begin('false') : this.#log.since(mark);
  }
}
