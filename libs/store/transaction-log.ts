/**
 * Reads a log that many transactions write, without missing any row.
 *
 * A sequence gives out numbers before the commit. So a smaller number may become visible seconds or
 * minutes after a larger one. Each row therefore has its transaction (`xid`), and a reader
 * remembers the snapshot of its last read, not a number. The next read returns every row that this
 * snapshot did not show: each row once, however late it was committed, and however late the reader
 * comes.
 *
 * Worked example. Transaction 7 adds row 1 and stays open. Transaction 8 adds row 2 and commits. A
 * reader gets row 2, with the snapshot `7:9:7`: everything below 7 is seen; 7 itself, 9 and above
 * are not. Transaction 7 commits an hour later. The next read returns row 1, and not row 2 again.
 *
 * A long stretch is read in pages. The mark then also holds the snapshot of the first page, and all
 * pages return the rows that this snapshot shows.
 *
 * Transaction numbers belong to one server. After a fail-over that lost the last commits, numbers
 * occur twice. So if the server changed or restarted since the last read, everything added since a
 * minute before that read is returned again.
 */

import type { Database, Row } from './database.ts';
import type { LogPage } from './event-store.ts';

/**
 * Milliseconds before the last read from which rows are returned again after a fail-over, because
 * the clocks of two servers differ.
 */
export const OVERLAP_MS = 60_000;

/** The table of a log, and its limits. */
export interface TransactionLogOptions<R extends Row, Entry> {
  readonly database: Database;
  /** A table with the columns `seq`, `xid` and `added_at`, and `kind` if reads select kinds. */
  readonly table: string;
  /** The columns of an entry, with `seq`. */
  readonly columns: string;
  readonly entryOf: (row: R) => Entry;
  /** Milliseconds that a row stays in the table at least. */
  readonly keptMs: number;
  /**
   * Most rows of one read. Default: no limit. Rows that come again after a fail-over come in one
   * read.
   */
  readonly pageMax?: number;
}

type MarkRow = { readonly seq: number | null; readonly snapshot: string; readonly read_at: number; readonly server: number };

interface Mark {
  /** A `pg_snapshot`. */
  readonly snapshot: string;
  /** Unix milliseconds of the database's clock. */
  readonly at: number;
  /** The start of the server in microseconds, which tells servers apart. */
  readonly server: number;
  /** Between two pages: the snapshot and time that the pages lead to, and the last row returned. */
  readonly way?: { readonly snapshot: string; readonly at: number; readonly seq: number };
}

/**
 * The rows `l` that match `which`, in order, and the snapshot that shows them. One statement has
 * one snapshot, so the mark counts exactly the returned rows as seen. There is always one row. The
 * sum keeps the planner from walking all rows in the order of `seq`.
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
 * The rows of the kinds `$2` (null: all) that the snapshot `$1` does not show. Leaves out a
 * transaction number that this server has not reached: such a row was copied from another server.
 * Exported for the test of its plan.
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

/** A reader of one log. It holds no position: marks do. */
export class TransactionLog<R extends Row, Entry> {
  readonly #options: TransactionLogOptions<R, Entry>;

  constructor(options: TransactionLogOptions<R, Entry>) {
    this.#options = options;
  }

  /** Begins: returns the rows that match a condition over `l`, and the mark behind them. */
  async begin(which: string, values: readonly unknown[] = []): Promise<LogPage<Entry>> {
    const { table, columns } = this.#options;
    const { rows, now } = await this.#read(reading(table, columns, which), values);
    return this.#page(rows, now, true, now.at);
  }

  /**
   * Continues behind a mark: returns every row that became visible since, once. With `kinds`: of
   * these kinds only.
   */
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
    if (first === undefined) throw new TypeError('a read of a log returned no row');
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
