/**
 * Reading a log that many transactions write, without missing any.
 *
 * Numbers of a sequence are drawn before the commit, so that a smaller one may become visible after a larger one: seconds later, or minutes. So each row
 * has its transaction (`xid`), and a reader remembers the snapshot it read with, not a number. The next read gives every row that this snapshot did not
 * show: each row once, however late it was committed, and however late the reader comes.
 *
 * Worked example. Transaction 7 adds row 1 and stays open, 8 adds row 2 and commits. A reader sees row 2 with the snapshot `7:9:7`: all below 7 is seen, 7
 * is not, nor is 9 and above. Transaction 7 commits an hour later: the next read gives row 1, and row 2 not again.
 *
 * Transaction numbers belong to one server. After a fail-over that lost the last commits they come twice. So if the server is another than at the last
 * read, or was started again, everything added since a minute before that read is given again.
 */

import type { LogPage } from './change-logs.ts';
import type { Database, Row } from './database.ts';

/** Milliseconds before the last read from which rows are given again after a fail-over: clocks of two servers differ. */
const OVERLAP_MS = 60_000;

export interface TransactionLogOptions<R extends Row, Entry> {
  readonly database: Database;
  /** A table with the columns `seq`, `xid` and `added_at`. */
  readonly table: string;
  /** The columns of an entry, `seq` among them. */
  readonly columns: string;
  readonly entryOf: (row: R) => Entry;
  /** Milliseconds that a row stays in the table at least. */
  readonly keptMs: number;
}

type MarkRow = { readonly seq: number | null; readonly snapshot: string; readonly read_at: number; readonly server: number };

interface Mark {
  /** A `pg_snapshot`. */
  readonly snapshot: string;
  /** Unix milliseconds by the database's clock. */
  readonly at: number;
  /** When the server was started, microseconds: tells servers apart. */
  readonly server: number;
}

/**
 * The rows `l` that fit `which`, in their order, and the snapshot that shows them. Statement and snapshot are one: what is given and what the mark counts
 * as seen are the same. There is always one row.
 */
function reading(table: string, columns: string, which: string): string {
  return `
    SELECT now.snapshot::text AS snapshot, now.read_at, now.server, e.*
      FROM (
        SELECT pg_current_snapshot() AS snapshot, (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS read_at,
               (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint AS server
      ) AS now
      LEFT JOIN LATERAL (SELECT ${columns} FROM ${table} l WHERE ${which}) AS e ON true
     ORDER BY e.seq`;
}

/**
 * What the snapshot `$1` does not show. A number that no transaction of this server reached comes from a copy of another server: it is left out.
 * Exported for the test of its plan.
 */
export function unseen(table: string, columns: string): string {
  return reading(
    table,
    columns,
    `l.xid >= pg_snapshot_xmin($1::pg_snapshot) AND NOT pg_visible_in_snapshot(l.xid, $1::pg_snapshot)
           AND l.xid < pg_snapshot_xmax(now.snapshot)`,
  );
}

export class TransactionLog<R extends Row, Entry> {
  readonly #options: TransactionLogOptions<R, Entry>;

  constructor(options: TransactionLogOptions<R, Entry>) {
    this.#options = options;
  }

  /** Begins: the rows that fit a condition over `l`, and the mark behind them. */
  begin(which: string, values: readonly unknown[] = []): Promise<LogPage<Entry>> {
    const { table, columns } = this.#options;
    return this.#read(reading(table, columns, which), values).then(({ entries, mark }) => page(entries, mark, true));
  }

  /** Goes on behind a mark: every row that became visible since, once. */
  async since(text: string): Promise<LogPage<Entry>> {
    const { table, columns, keptMs } = this.#options;
    const before = markOf(text);
    let { entries, mark } = await this.#read(unseen(table, columns), [before.snapshot]);
    if (mark.server !== before.server) {
      const again = reading(table, columns, 'l.added_at >= to_timestamp($1::double precision / 1000)');
      ({ entries, mark } = await this.#read(again, [before.at - OVERLAP_MS]));
    }
    return page(entries, mark, mark.at - before.at < keptMs);
  }

  async #read(sql: string, values: readonly unknown[]): Promise<{ readonly entries: Entry[]; readonly mark: Mark }> {
    const { database, entryOf } = this.#options;
    const rows = await database.query<R & MarkRow>(sql, values);
    const [first] = rows;
    if (first === undefined) throw new TypeError('a read of a log has a row');
    const mark = { snapshot: first.snapshot, at: first.read_at, server: first.server };
    return { entries: rows.filter(({ seq }) => seq !== null).map(entryOf), mark };
  }
}

function page<Entry>(entries: readonly Entry[], { snapshot, at, server }: Mark, complete: boolean): LogPage<Entry> {
  return { entries, mark: `${snapshot} ${at} ${server}`, complete };
}

function markOf(text: string): Mark {
  const [snapshot = '', at, server] = text.split(' ');
  return { snapshot, at: Number(at), server: Number(server) };
}
