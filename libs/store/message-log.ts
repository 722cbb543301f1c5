/**
 * Reads stored messages of all rooms as events: each once or more, those of a room in the order of
 * their offsets.
 *
 * As in `transaction-log.ts` a reader remembers the snapshot of its last read, so a message that is
 * committed late is returned late, and not missed. Messages are read in the order of their
 * transactions. A full page ends with a whole transaction, and its mark is the snapshot of the read
 * up to there.
 *
 * Gateways store messages of one room side by side, so a message may be committed before one with a
 * lower offset. A reader holds such a room: it returns no message above the gap until the gap is
 * filled. The stream sweep fills it if the gateway died (M1). Nothing is stored an hour after its
 * stamp, so a gap that is an hour old is none. These are no gaps: the jump from one epoch to the
 * next, offsets from before the room kept history, offsets of other events of the room (M7), and
 * whatever is below the oldest message of a public room.
 *
 * Worked example. Offsets 1 and 2 of a room are returned. Offset 4 is committed: the next read
 * returns nothing of the room, and its mark holds the room at 2. Offset 3 is committed ten seconds
 * later: the next read returns 3 and 4.
 */
import type { Database } from './database.ts';
import type { EventRow, LogPage } from './event-store.ts';
import { OVERLAP_MS } from './transaction-log.ts';

/** Messages are kept at least this long, whatever the retention, less ten minutes. */
const KEPT_MS = 86_400_000 - 600_000;
/** Rows of a page, about: a page has whole transactions. Rows of one held room. */
const PAGE = 1000;
/**
 * Milliseconds after which a gap is none: the sweep stores no message that is older than 50
 * minutes, and clocks differ.
 */
const GAP_MS = 3_600_000;
/** Rooms that a mark holds at most. Messages of others come in the order of their commits. */
const HELD_MAX = 1000;

/** The end of a read, as JSON. */
interface Mark {
  /** A `pg_snapshot`. */
  readonly snapshot: string;
  /** Unix milliseconds of the database's clock. */
  readonly at: number;
  /** The start of the server in microseconds, which tells servers apart. */
  readonly server: number;
  /** Held rooms, each with the offset up to which it was returned. */
  readonly held: readonly (readonly [room: string, offset: number])[];
}

type MessageRow = {
  readonly room: string | null;
  readonly offset: number;
  readonly epoch: string;
  readonly id: string;
  readonly sender: string;
  readonly at: number;
  readonly xid: number;
  /** Of a room that the mark held. */
  readonly was_held: boolean;
  /** The entry of the room's log below this one. */
  readonly before: number | null;
  readonly before_xid: number | null;
  /** There is no message between the two that may come yet. */
  readonly is_next: boolean;
};

type Now = { readonly snapshot: string; readonly read_at: number; readonly server: number };

const NOW = `
  SELECT pg_current_snapshot() AS snapshot, (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS read_at,
         (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint AS server`;

const COLUMNS = 'l.room, l."offset", l.epoch, l.id, l.sender, l.at, l.added_at, l.xid';

/** The entry of a room's log below the message `l`. */
const BEFORE = `
  SELECT b.* FROM (
    (SELECT m."offset", m.epoch, m.at, m.xid FROM messages m WHERE m.room = l.room AND m."offset" < l."offset" ORDER BY m."offset" DESC LIMIT 1)
    UNION ALL
    (SELECT e."offset", e.epoch, e.at, NULL FROM room_events e WHERE e.room = l.room AND e."offset" < l."offset" ORDER BY e."offset" DESC LIMIT 1)
  ) AS b ORDER BY b."offset" DESC LIMIT 1`;

/**
 * The messages that the snapshot `$1` does not show, and those of the held rooms `$2` above the
 * offsets `$3`. One statement has one snapshot. Leaves out a transaction number that this server
 * has not reached: such a row was copied from another server. Exported for the test of its plan.
 */
export const UNSEEN_MESSAGES = `
  SELECT now.snapshot::text AS snapshot, now.read_at, now.server, l.room, l."offset", l.epoch, l.id, l.sender,
         (extract(epoch FROM l.added_at) * 1000)::bigint AS at, l.xid::text::bigint AS xid, l.was_held,
         b."offset" AS before, b.xid::text::bigint AS before_xid,
         l.at <= now.read_at - ${GAP_MS} OR CASE WHEN b."offset" IS NULL
           THEN l."offset" = 1 OR r.room IS NULL OR r.history_from IS DISTINCT FROM r.created_at OR r.created_at < now.read_at - ${GAP_MS}
           ELSE b."offset" = l."offset" - 1 OR b.epoch <> l.epoch OR coalesce(r.history_from > b.at, false) END AS is_next
    FROM (${NOW}) AS now
    LEFT JOIN LATERAL (
      (SELECT ${COLUMNS}, false AS was_held FROM messages l
        WHERE l.xid >= pg_snapshot_xmin($1::pg_snapshot) AND NOT pg_visible_in_snapshot(l.xid, $1::pg_snapshot)
              AND l.xid < pg_snapshot_xmax(now.snapshot)
        ORDER BY l.xid FETCH FIRST ${PAGE} ROWS WITH TIES)
      UNION ALL
      (SELECT ${COLUMNS}, true FROM unnest($2::text[], $3::bigint[]) AS h (room, "offset")
        CROSS JOIN LATERAL (
          SELECT * FROM messages m WHERE m.room = h.room AND m."offset" > h."offset" ORDER BY m."offset" LIMIT ${PAGE}
        ) AS l)
    ) AS l ON true
    LEFT JOIN LATERAL (${BEFORE}) AS b ON true
    LEFT JOIN rooms r ON r.room = l.room
   ORDER BY l.room, l."offset"`;

const BEGIN = `SELECT now.snapshot::text AS snapshot, now.read_at, now.server FROM (${NOW}) AS now`;

/** The lowest transaction of the messages that were added since `$1`, and whether it is this server's. */
const ADDED_SINCE = `
  SELECT min(l.xid::text::bigint) AS first, coalesce(max(l.xid::text::bigint) < pg_snapshot_xmax(pg_current_snapshot())::text::bigint, true) AS is_own
    FROM messages l WHERE l.added_at >= to_timestamp($1::double precision / 1000)`;

/** A reader of the messages of all rooms. It holds no position: marks do. */
export class MessageLog {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Continues behind a mark: returns the messages that became visible since, those of a room in the
   * order of their offsets. Without a mark: none, and the mark behind all that are stored.
   */
  async since(text: string | undefined): Promise<LogPage<EventRow>> {
    if (text === undefined) {
      const { snapshot, read_at: at, server } = firstOf(await this.#database.query<Now>(BEGIN));
      return pageOf([], { snapshot, at, server, held: [] });
    }
    const mark = JSON.parse(text) as Mark;
    const page = await this.#read(mark, mark.snapshot);
    if (page.server === mark.server) return page;
    // Transaction numbers may occur twice after a fail-over: what was added since is read again.
    const values = [mark.at - OVERLAP_MS];
    const [added] = await this.#database.query<{ first: number | null; is_own: boolean }>(ADDED_SINCE, values);
    const first = added?.first ?? null;
    const again = first === null ? page : await this.#read(mark, upTo(mark.snapshot, first - 1));
    return { ...again, complete: again.complete && added?.is_own === true };
  }

  async #read(mark: Mark, seen: string): Promise<LogPage<EventRow> & { readonly server: number }> {
    const values = [seen, mark.held.map(([room]) => room), mark.held.map(([, offset]) => offset)];
    const rows = await this.#database.query<MessageRow & Now>(UNSEEN_MESSAGES, values);
    const { snapshot, read_at: at, server } = firstOf(rows);
    const fresh = rows.filter(({ room, was_held }) => room !== null && !was_held);
    // A full page ends with its last transaction.
    const last = fresh.length < PAGE ? Number.POSITIVE_INFINITY : Math.max(...fresh.map(({ xid }) => xid));
    const isLast = last === Number.POSITIVE_INFINITY;
    const { entries, held, more } = inOrder(rows, new Map(mark.held), last);
    const page = pageOf(entries, { snapshot: isLast ? snapshot : upTo(snapshot, last), at, server, held: [...held] });
    return { ...page, complete: at - mark.at < KEPT_MS, more: more || !isLast, server };
  }
}

function firstOf<R>(rows: readonly R[]): R {
  const [first] = rows;
  if (first === undefined) throw new TypeError('a read of messages returned no row');
  return first;
}

function pageOf(entries: readonly EventRow[], mark: Mark): LogPage<EventRow> {
  return { entries, mark: JSON.stringify(mark), complete: true, more: false, readAt: mark.at };
}

/** What a snapshot shows of the transactions up to `last`, as a snapshot. */
function upTo(snapshot: string, last: number): string {
  const [xmin = '', xmax = '', open = ''] = snapshot.split(':');
  const end = Math.min(Number(xmax), last + 1);
  const running = open.split(',').filter((xid) => xid !== '' && Number(xid) < end);
  return `${Math.min(Number(xmin), end)}:${end}:${running.join()}`;
}

interface InOrder {
  readonly entries: EventRow[];
  /** The rooms that are held now. */
  readonly held: ReadonlyMap<string, number>;
  /** A held room has more messages than a page. */
  readonly more: boolean;
}

/**
 * Takes the messages that can be returned.
 *
 * @param rows by room and offset.
 * @param before the rooms that the mark held.
 * @param last the last transaction of this page.
 */
function inOrder(rows: readonly MessageRow[], before: ReadonlyMap<string, number>, last: number): InOrder {
  const held = new Map(before);
  const entries: MessageRow[] = [];
  let more = false;
  for (const [room, ofRoom] of Map.groupBy(rows, (row) => row.room)) {
    if (room === null) continue;
    const reached = held.get(room);
    // A held room is read from where it was held. So what is new above comes twice.
    const above = reached === undefined ? ofRoom : ofRoom.filter((row) => row.was_held);
    if (reached !== undefined) entries.push(...ofRoom.filter((row) => !row.was_held && row.offset <= reached));
    const gap = above.findIndex((row, index) => !follows(row, above[index - 1], last));
    const ready = gap === -1 ? above : above.slice(0, gap);
    const next = above[ready.length];
    entries.push(...ready);
    const isFull = reached !== undefined && ready.length === PAGE;
    more ||= isFull;
    if (next === undefined && !isFull) held.delete(room);
    else if (reached === undefined && held.size >= HELD_MAX) entries.push(...above.slice(ready.length));
    else held.set(room, ready.at(-1)?.offset ?? reached ?? belowOf(next));
  }
  return { entries: entries.map(eventOf), held, more };
}

/**
 * Whether everything of the room below a message is returned, or never comes.
 *
 * @param above the message before it in this read.
 */
function follows({ is_next, before, before_xid }: MessageRow, above: MessageRow | undefined, last: number): boolean {
  // The entry below may belong to a later page.
  return is_next && (before === null || before === above?.offset || before_xid === null || before_xid <= last);
}

/** The offset at which to hold a room before its message `next`: everything above it is read again. */
function belowOf(next: MessageRow | undefined): number {
  const before = next?.before ?? 0;
  return next?.is_next === true ? before - 1 : before;
}

function eventOf({ room, offset, epoch, id, sender, at }: MessageRow): EventRow {
  const { id: user } = JSON.parse(sender) as { readonly id?: string };
  const users = user === undefined ? [] : [user];
  return { seq: offset, kind: 'message', room: room ?? undefined, users, at, payload: { offset, epoch, id } };
}
