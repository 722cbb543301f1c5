import { failPoint } from '#libs/config/fail-point.ts';
import { Batcher, GroupedReads } from './batcher.ts';
import type { Database, StoreObserver } from './database.ts';
import { appendEvents, appendMessages } from './message-append.ts';
import type { MessageStore, ReadMessage, StoredAt, StoredMessage, StoredPage, StoredRoomEvent } from './message-store.ts';
import { FLOOR } from './restored.ts';

/** Each group is one commit. A second group is under way while the first is written to disk. */
const GROUP = { windowMs: 2, sizeMax: 1000, queueMax: 20_000, parallel: 2 };

/**
 * In the first minutes of an epoch every message is looked up before it is published. If a crowd
 * publishes, a few statements look up all.
 */
const LOOKED_UP = { windowMs: 1, sizeMax: 500, queueMax: 20_000, parallel: 2 };

/** After a restore every room goes on above the floor (see `restored.ts`). */
const FIND = `
  SELECT coalesce(greatest(t.top, (SELECT f.top FROM room_tops f WHERE f.room = '${FLOOR}')), 0) AS top, k."offset", k.epoch, k.at
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS i (room, id, n)
    LEFT JOIN room_tops t ON t.room = i.room
    LEFT JOIN message_keys k ON k.room = i.room AND k.id = i.id
   ORDER BY i.n`;

const COLUMNS = 'room, "offset", epoch, id, sender, text, data, at';
/** The event that carries the latest state of a message `m`. */
const CHANGE = `
        LEFT JOIN LATERAL (
          SELECT e.body AS change, e."offset" AS change_offset FROM room_events e
           WHERE e.room = m.room AND e.target = m."offset" ORDER BY e.version DESC, e."offset" DESC LIMIT 1
        ) AS c ON true`;
const BYTES = 'octet_length(text) + octet_length(sender) + coalesce(octet_length(data), 0)';

/**
 * Pages of a room: `$1` the room, `$2` the offset, `$3` the most rows, `$4` the most bytes. Scans
 * of the primary keys, in each partition.
 *
 * The page ends with the row that reaches `$4`, so it has at least one row. `octet_length` reads
 * the length of a large value and not the value itself: rows beyond the page are never fetched.
 * `found` counts the rows up to `$3`, also those beyond the page.
 */
const page = (rows: string, columns: string, direction: 'ASC' | 'DESC', change = ''): string => `
  SELECT ${columns}, change, change_offset, found
    FROM (SELECT *, count(*) OVER ()::integer AS found,
                 coalesce(sum(bytes) OVER (ORDER BY "offset" ${direction} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS earlier
            FROM (${rows}) AS sized) AS m${change}
   WHERE earlier < $4
   ORDER BY "offset" ${direction}`;
/** The page below an offset, and the page above one. Exported for the test of their plans. */
export const PAGE_BEFORE = page(
  `SELECT ${COLUMNS}, change, change_offset, coalesce(octet_length(change), ${BYTES}) AS bytes FROM (
     SELECT * FROM messages WHERE room = $1 AND "offset" < $2 ORDER BY "offset" DESC LIMIT $3
   ) AS m${CHANGE}`,
  COLUMNS,
  'DESC',
);
/**
 * Messages and other events. Only the latter have a `kind`, and they have no sender, text and data.
 * The bytes of changes are not counted.
 */
export const PAGE_AFTER = page(
  `SELECT * FROM (
     (SELECT ${COLUMNS}, NULL AS kind, NULL::bigint AS target, NULL::bigint AS version, NULL AS body, ${BYTES} AS bytes
        FROM messages WHERE room = $1 AND "offset" > $2 ORDER BY "offset" LIMIT $3)
     UNION ALL
     (SELECT room, "offset", epoch, id, NULL, NULL, NULL, at, kind, target, version, body, octet_length(body)
        FROM room_events WHERE room = $1 AND "offset" > $2 ORDER BY "offset" LIMIT $3)
   ) AS log ORDER BY "offset" LIMIT $3`,
  `${COLUMNS}, kind, target, version, body`,
  'ASC',
  CHANGE,
);
/** `$1` the room. The offsets above `$2`, up to `$3`. */
const OFFSETS = ['messages', 'room_events']
  .map((table) => `SELECT "offset" FROM ${table} WHERE room = $1 AND "offset" > $2 AND "offset" <= $3`)
  .join(' UNION ALL ');

type MessageRow = {
  room: string;
  offset: number;
  epoch: string;
  id: string;
  sender: string;
  text: string;
  data: string | null;
  at: number;
  change: string | null;
  change_offset: number | null;
  found: number;
};

type EntryRow =
  | (MessageRow & { kind: null })
  | (Pick<MessageRow, 'room' | 'offset' | 'epoch' | 'id' | 'at'> & {
      kind: string;
      target: number | null;
      version: number | null;
      body: string;
    });

interface Lookup {
  readonly room: string;
  readonly id: string;
}

interface Found {
  readonly first: StoredAt | undefined;
  readonly top: number;
}

/** The logs of rooms in PostgreSQL. */
export class PostgresMessages implements MessageStore {
  readonly #database: Database;
  readonly #messages: Batcher<StoredMessage, StoredAt | 'conflict'>;
  /** Apart, so that no message waits for an event. */
  readonly #events: Batcher<StoredRoomEvent, StoredAt | 'conflict'>;
  readonly #finder: GroupedReads<Lookup, Found>;

  /** `messaging`: the connections on the path between a message and its `ack`. */
  constructor(database: Database, messaging: Database, observe: StoreObserver | undefined) {
    this.#database = database;
    const { timeoutMs } = messaging;
    const written = <T>(places: T): T => {
      failPoint('after-insert');
      return places;
    };
    const shared = { ...GROUP, timeoutMs, observe, committed: (rows: number, seconds: number) => observe?.group(rows, seconds) };
    this.#messages = new Batcher({
      ...shared,
      queue: 'messages',
      write: (messages, deadline) => appendMessages(messaging, messages, deadline).then(written),
    });
    this.#events = new Batcher({
      ...shared,
      queue: 'events',
      write: (events, deadline) => appendEvents(messaging, events, deadline).then(written),
    });
    this.#finder = new GroupedReads({
      ...LOOKED_UP,
      timeoutMs,
      read: (asked, deadline) => find(messaging, asked, deadline),
    });
  }

  append(entry: StoredMessage | StoredRoomEvent): Promise<StoredAt | 'conflict'> {
    return 'body' in entry ? this.#events.add(entry) : this.#messages.add(entry);
  }

  find(room: string, id: string): Promise<Found> {
    return this.#finder.ask({ room, id });
  }

  /** Uses the look-up of messages, because all rooms ask at once when an epoch begins. */
  async top(room: string): Promise<number> {
    return (await this.#finder.ask({ room, id: '' })).top;
  }

  async before(room: string, before: number, limit: number, bytes = Number.MAX_SAFE_INTEGER): Promise<StoredPage> {
    const values = [room, Math.min(before, Number.MAX_SAFE_INTEGER), limit + 1, bytes];
    const rows = await this.#database.query<MessageRow>(PAGE_BEFORE, values);
    const messages = rows.slice(0, limit).toReversed().map(messageOf);
    return { messages, more: (rows[0]?.found ?? 0) > messages.length };
  }

  async after(room: string, after: number, limit: number, bytes = Number.MAX_SAFE_INTEGER): Promise<(ReadMessage | StoredRoomEvent)[]> {
    const values = [room, Math.min(after, Number.MAX_SAFE_INTEGER), limit, bytes];
    return (await this.#database.query<EntryRow>(PAGE_AFTER, values)).map(entryOf);
  }

  async offsets(room: string, above: number, through: number): Promise<number[]> {
    const rows = await this.#database.query<{ offset: number }>(OFFSETS, [room, above, through]);
    return rows.map(({ offset }) => offset);
  }

  /** Resolves when every call so far is answered. */
  async flush(): Promise<void> {
    await Promise.all([this.#messages.flush(), this.#events.flush(), this.#finder.flush()]);
  }
}

async function find(messaging: Database, asked: readonly Lookup[], deadline: number): Promise<Found[]> {
  const rows = await messaging.query<{ top: number; offset: number | null; epoch: string; at: number }>(
    FIND,
    [asked.map(({ room }) => room), asked.map(({ id }) => id)],
    { deadline, name: 'find_messages' },
  );
  return rows.map(({ top, offset, epoch, at }) => ({ first: offset === null ? undefined : { offset, epoch, at }, top }));
}

function messageOf({ room, offset, epoch, id, sender, text, data, at, change, change_offset }: MessageRow): ReadMessage {
  const changed = change === null || change_offset === null ? undefined : { offset: change_offset, body: change };
  return { room, offset, epoch, id, sender, text: JSON.parse(text), data: data ?? undefined, at, change: changed };
}

function entryOf(row: EntryRow): ReadMessage | StoredRoomEvent {
  if (row.kind === null) return messageOf(row);
  const { room, offset, epoch, id, kind, target, version, body, at } = row;
  return { room, offset, epoch, id, kind, target: target === null || version === null ? undefined : { offset: target, version }, body, at };
}
