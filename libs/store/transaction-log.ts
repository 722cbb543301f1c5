/**
 * Reading a log that many transactions write, without missing any row.
 *
 * A sequence gives its numbers before the commit, so a smaller number may become visible after a larger one: seconds later, or minutes. Each row
 * therefore has its transaction (`xid`), and a reader remembers the snapshot of its last read, not a number. The next read gives every row that this
 * snapshot did not show: each row once, however late it was committed, and however late the reader comes.
 *
 * Worked example. Transaction 7 adds row 1 and stays open, 8 adds row 2 and commits. A reader sees row 2 with the snapshot `7:9:7`: all below 7 is seen, 7
 * is not, nor is 9 and above. Transaction 7 commits an hour later: the next read gives row 1, and row 2 not again.
 *
 * A long way is read in pages: the mark then also holds the snapshot of the first page, and all pages give what that snapshot shows.
 *
 * Transaction numbers belong to one server. After a fail-over that lost the last commits they come twice. So if the server is another than at the last
 * read, or was started again, everything added since a minute before that read is given again.
 */

import type { Database, Row } from './database.ts';
import type { LogPage } from './event-store.ts';

/** Milliseconds before the last read from which rows are given again after a fail-over: clocks of two servers differ. */
const OVERLAP_MS = 60_000;

export interface TransactionLogOptions<R extends Row, Entry> {
  readonly database: Database;
  /** A table with the columns `seq`, `xid` and `added_at`; with `kind` if kinds are asked for. */
  readonly table: string;
  /** The columns of an entry, `seq` among them. */
  readonly columns: string;
  readonly entryOf: (row: R) => Entry;
  /** Milliseconds that a row stays in the table at least. */
  readonly keptMs: number;
  /** Rows of one read at most. Default: no limit. Rows that are given again after a fail-over come in one read. */
  readonly pageMax?: number;
}

type MarkRow = { readonly seq: number | null; readonly snapshot: string; readonly read_at: number; readonly server: number };

interface Mark {
  /** A `pg_snapshot`. */
  readonly snapshot: string;
  /** Unix milliseconds by the database's clock. */
  readonly at: number;
  /** When the server was started, microseconds: tells servers apart. */
  readonly server: number;
  /** Between two pages: where the pages lead, and the last row that was given. */
  readonly way?: { readonly snapshot: string; readonly at: number; readonly seq: number };
}

/**
 * The rows `l` that fit `which`, in their order, and the snapshot that shows them. Statement and snapshot are one: the rows given are the rows that the
 * mark counts as seen. There is always one row. The sum keeps the planner from walking all rows in the order of their numbers.
 */
function reading(table: string, columns: string, which: string, limit = 'ALL'): string {
  return `
    SELECT now.snapshot::text AS snapshot, now.read_at, now.server, e.*
      FROM (
        SELECT pg_current_snapshot() AS snapshot, (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS read_at,
               (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint AS server
      ) AS now
      LEFT JOIN LATERAL (SELECT ${columns} FROM ${table} l WHERE ${which} ORDER BY l.seq + 0 LIMIT ${limit}) AS e ON true
     ORDER BY e.seq`;
}

const OF_KINDS = 'AND ($2::text[] IS NULL OR l.kind = ANY ($2::text[]))';

/**
 * The rows of the kinds `$2` (null: all) that the snapshot `$1` does not show. A number that no transaction of this server reached comes from a copy of
 * another server: it is left out. Exported for the test of its plan.
 */
export function unseen(table: string, columns: string, more = '', limit = 'ALL'): string {
  return reading(
    table,
    columns,
    `l.xid >= pg_snapshot_xmin($1::pg_snapshot) AND NOT pg_visible_in_snapshot(l.xid, $1::pg_snapshot)
           AND l.xid < pg_snapshot_xmax(now.snapshot) ${OF_KINDS} ${more}`,
    limit,
  );
}

export class TransactionLog<R extends Row, Entry> {
  readonly #options: TransactionLogOptions<R, Entry>;

  constructor(options: TransactionLogOptions<R, Entry>) {
    this.#options = options;
  }

  /** Begins: the rows that fit a condition over `l`, and the mark behind them. */
  async begin(which: string, values: readonly unknown[] = []): Promise<LogPage<Entry>> {
    const { table, columns } = this.#options;
    const { rows, now } = await this.#read(reading(table, columns, which), values);
    return this.#page(rows, now, true, now.at);
  }

  /** Goes on behind a mark: every row that became visible since, once. `kinds`: of these only. */
  async since(text: string, kinds: readonly string[] | null = null): Promise<LogPage<Entry>> {
    const { table, columns, keptMs, pageMax = Number.MAX_SAFE_INTEGER } = this.#options;
    const before = markOf(text);
    const { snapshot, at, server, way } = before;
    const limit = pageMax === Number.MAX_SAFE_INTEGER ? 'ALL' : String(pageMax + 1);
    const { rows, now } = await (way === undefined
      ? this.#read(unseen(table, columns, '', limit), [snapshot, kinds])
      : this.#read(unseen(table, columns, 'AND l.seq > $3 AND pg_visible_in_snapshot(l.xid, $4::pg_snapshot)', limit), [
          snapshot,
          kinds,
          way.seq,
          way.snapshot,
        ]));
    const complete = now.at - at < keptMs;
    if (now.server !== server) {
      const which = `l.added_at >= to_timestamp($1::double precision / 1000) ${OF_KINDS}`;
      const again = await this.#read(reading(table, columns, which), [at - OVERLAP_MS, kinds]);
      return this.#page(again.rows, again.now, complete, now.at);
    }
    const last = rows.length > pageMax ? rows[pageMax - 1] : undefined;
    if (last === undefined) return this.#page(rows, way === undefined ? now : { ...way, server }, complete, now.at);
    const onward = { snapshot: way?.snapshot ?? now.snapshot, at: way?.at ?? now.at, seq: Number(last['seq']) };
    return { ...this.#page(rows.slice(0, pageMax), { ...before, way: onward }, complete, now.at), more: true };
  }

  #page(rows: readonly R[], mark: Mark, complete: boolean, readAt: number): LogPage<Entry> {
    return { entries: rows.map(this.#options.entryOf), mark: textOf(mark), complete, more: false, readAt };
  }

  async #read(sql: string, values: readonly unknown[]): Promise<{ readonly rows: R[]; readonly now: Mark }> {
    const rows = await this.#options.database.query<R & MarkRow>(sql, values);
    const [first] = rows;
    if (first === undefined) throw new TypeError('a read of a log has a row');
    const now = { snapshot: first.snapshot, at: first.read_at, server: first.server };
    return { rows: rows.filter(({ seq }) => seq !== null), now };
  }
}

function textOf({ snapshot, at, server, way }: Mark): string {
  const text = `${snapshot} ${at} ${server}`;
  return way === undefined ? text : `${text} ${way.snapshot} ${way.at} ${way.seq}`;
}

function markOf(text: string): Mark {
  const [snapshot = '', at, server, onward, onwardAt, seq] = text.split(' ');
  const mark = { snapshot, at: Number(at), server: Number(server) };
  return onward === undefined ? mark : { ...mark, way: { snapshot: onward, at: Number(onwardAt), seq: Number(seq) } };
}
