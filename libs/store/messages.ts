import { failPoint } from '#libs/config/fail-point.ts';
import { Batcher, GroupedReads } from './batcher.ts';
import type { Database, StoreObserver } from './database.ts';
import { appendAll } from './message-append.ts';
import type { MessageStore, StoredAt, StoredMessage, StoredPage } from './message-store.ts';

/** Each group is one commit; a second one is under way while the first is written to disk. */
const GROUP = { windowMs: 2, sizeMax: 1000, queueMax: 20_000, parallel: 2 };

/** In the first minutes of an epoch every message is looked up before it is published: a crowd that speaks is looked up in a few statements. */
const LOOKED_UP = { windowMs: 1, sizeMax: 500, queueMax: 20_000, parallel: 2 };

const FIND = `
  SELECT coalesce(t.top, 0) AS top, k."offset", k.epoch, k.at
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS i (room, id, n)
    LEFT JOIN room_tops t ON t.room = i.room
    LEFT JOIN message_keys k ON k.room = i.room AND k.id = i.id
   ORDER BY i.n`;

const COLUMNS = 'room, "offset", epoch, id, sender, text, data, at';

/**
 * Pages of a room: `$1` the room, `$2` the offset, `$3` the most rows, `$4` the most bytes. Scans of the primary key, in each partition.
 *
 * The page ends with the row that reaches `$4`, so it has one row at least. `octet_length` reads the length of a large value and not the value itself:
 * rows beyond the page are never fetched. `found` counts the rows up to `$3`, those beyond the page too.
 */
const page = (comparison: '<' | '>', direction: 'ASC' | 'DESC'): string => `
  SELECT ${COLUMNS}, found
    FROM (SELECT ${COLUMNS}, count(*) OVER ()::integer AS found,
                 coalesce(sum(bytes) OVER (ORDER BY "offset" ${direction} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS earlier
            FROM (SELECT ${COLUMNS}, octet_length(text) + octet_length(sender) + coalesce(octet_length(data), 0) AS bytes
                    FROM messages WHERE room = $1 AND "offset" ${comparison} $2 ORDER BY "offset" ${direction} LIMIT $3) AS sized) AS summed
   WHERE earlier < $4
   ORDER BY "offset" ${direction}`;
export const PAGE_BEFORE = page('<', 'DESC');
export const PAGE_AFTER = page('>', 'ASC');
/** `$1` the room, the offsets above `$2` up to `$3`. */
const OFFSETS = `SELECT "offset" FROM messages WHERE room = $1 AND "offset" > $2 AND "offset" <= $3`;

type MessageRow = {
  room: string;
  offset: number;
  epoch: string;
  id: string;
  sender: string;
  text: string;
  data: string | null;
  at: number;
  found: number;
};

interface Lookup {
  readonly room: string;
  readonly id: string;
}

interface Found {
  readonly first: StoredAt | undefined;
  readonly top: number;
}

export class PostgresMessages implements MessageStore {
  readonly #database: Database;
  readonly #writer: Batcher<StoredMessage, StoredAt | 'conflict'>;
  readonly #finder: GroupedReads<Lookup, Found>;

  /** `messaging`: the connections of what stands between a message and its `ack`. */
  constructor(database: Database, messaging: Database, observe: StoreObserver | undefined) {
    this.#database = database;
    const { timeoutMs } = messaging;
    this.#writer = new Batcher({
      ...GROUP,
      timeoutMs,
      observe,
      write: async (messages, deadline) => {
        const places = await appendAll(messaging, messages, deadline);
        failPoint('after-insert');
        return places;
      },
    });
    this.#finder = new GroupedReads({
      ...LOOKED_UP,
      timeoutMs,
      read: (asked, deadline) => find(messaging, asked, deadline),
    });
  }

  append(message: StoredMessage): Promise<StoredAt | 'conflict'> {
    return this.#writer.add(message);
  }

  find(room: string, id: string): Promise<Found> {
    return this.#finder.ask({ room, id });
  }

  /** Asked as a message is looked up: when an epoch begins, all rooms ask at once. */
  async top(room: string): Promise<number> {
    return (await this.#finder.ask({ room, id: '' })).top;
  }

  async before(room: string, before: number, limit: number, bytes = Number.MAX_SAFE_INTEGER): Promise<StoredPage> {
    const values = [room, Math.min(before, Number.MAX_SAFE_INTEGER), limit + 1, bytes];
    const rows = await this.#database.query<MessageRow>(PAGE_BEFORE, values);
    const messages = rows.slice(0, limit).toReversed().map(messageOf);
    return { messages, more: (rows[0]?.found ?? 0) > messages.length };
  }

  async after(room: string, after: number, limit: number, bytes = Number.MAX_SAFE_INTEGER): Promise<StoredMessage[]> {
    const values = [room, Math.min(after, Number.MAX_SAFE_INTEGER), limit, bytes];
    return (await this.#database.query<MessageRow>(PAGE_AFTER, values)).map(messageOf);
  }

  async offsets(room: string, above: number, through: number): Promise<number[]> {
    const rows = await this.#database.query<{ offset: number }>(OFFSETS, [room, above, through]);
    return rows.map(({ offset }) => offset);
  }

  /** Resolves when everything appended and asked so far is answered. */
  async flush(): Promise<void> {
    await Promise.all([this.#writer.flush(), this.#finder.flush()]);
  }
}

async function find(messaging: Database, asked: readonly Lookup[], deadline: number): Promise<Found[]> {
  const rows = await messaging.query<{ top: number; offset: number | null; epoch: string; at: number }>(
    FIND,
    [asked.map(({ room }) => room), asked.map(({ id }) => id)],
    { deadline },
  );
  return rows.map(({ top, offset, epoch, at }) => ({ first: offset === null ? undefined : { offset, epoch, at }, top }));
}

function messageOf({ text, data, found: _, ...row }: MessageRow): StoredMessage {
  return { ...row, text: JSON.parse(text), data: data ?? undefined };
}
