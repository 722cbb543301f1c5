/**
 * Compares the messages of many writers, their acks and the shown messages with the store (M1, M2,
 * M3).
 */
import type { RoomHistory } from '#libs/messages/room-history.ts';
import type { ChatMessage, ServerFrame } from './server-frame.ts';
import type { StayingClient } from './staying-client.ts';

/** An ack, and its receiver. */
interface Acked {
  readonly writer: string;
  readonly room: string;
  readonly text: string;
  readonly id: string;
  readonly offset: number;
}

interface Row {
  readonly room: string;
  readonly offset: number;
  readonly id: string;
  readonly text: string;
}

/** A database that runs a statement. */
interface Queried {
  query(sql: string): Promise<Record<string, unknown>[]>;
}

/** The offsets of one read. */
const PAGE = 100;

/** Audits a history. Texts must be unique: they identify a message as a person sees it. */
export class HistoryAudit {
  readonly acks: Acked[] = [];
  /** The ids of each text, in live messages, pages and acks. */
  readonly #idsOf = new Map<string, Set<string>>();
  /** The texts shown to each user, in any way. */
  readonly #shownTo = new Map<string, Set<string>>();
  /** The newest ack of each writer in each room. */
  readonly #latest = new Map<string, number>();
  readonly #faults: string[] = [];

  /**
   * Records the ack of a message. Call it in the order of the messages for each writer and room.
   */
  acked(writer: string, ack: Omit<Acked, 'writer'>): void {
    this.acks.push({ writer, ...ack });
    this.#seen(ack.text, ack.id);
    const key = `${writer} ${ack.room}`;
    const before = this.#latest.get(key) ?? 0;
    if (ack.offset <= before) this.#faults.push(`${writer} in ${ack.room}: acked at ${ack.offset} after ${before}`);
    this.#latest.set(key, ack.offset);
  }

  /** Records messages shown to a user. */
  shown(user: string, messages: readonly ChatMessage[]): void {
    const texts = this.#shownTo.get(user) ?? new Set();
    this.#shownTo.set(user, texts);
    for (const { id, text = '' } of messages) {
      this.#seen(text, id);
      texts.add(text);
    }
  }

  /**
   * Returns acknowledged messages of these rooms that a member was never shown. The sender's own
   * ack counts as shown (M6).
   */
  unseen(members: ReadonlyMap<string, readonly string[]>): string[] {
    return this.acks.flatMap(({ writer, room, text }) =>
      (members.get(room) ?? [])
        .filter((member) => member !== writer && this.#shownTo.get(member)?.has(text) !== true)
        .map((member) => `${member} was never shown "${text}" in ${room}`),
    );
  }

  /**
   * Returns every fault; none is expected. Each room is read by a client that may enter it, and as
   * `history` reads it.
   */
  async faults(database: Queried, readers: ReadonlyMap<string, StayingClient>, history: Pick<RoomHistory, 'page'>): Promise<string[]> {
    const faults = [...this.#faults];
    for (const [text, ids] of this.#idsOf) if (ids.size > 1) faults.push(`"${text}" was shown under ${[...ids].join(', ')}`);
    const rows = await stored(database);
    faults.push(...repeated(rows), ...this.#against(rows));
    for (const [room, reader] of readers) {
      const expected = rows.filter((row) => row.room === room);
      faults.push(...compare(`frames of ${room}`, expected, await readAll(room, frames(reader, room))));
      faults.push(...compare(`pages of ${room}`, expected, await readAll(room, pages(history, reader.user, room))));
    }
    return faults;
  }

  #against(rows: readonly Row[]): string[] {
    const byId = new Map(rows.map((row) => [`${row.room} ${row.id}`, row]));
    const faults: string[] = [];
    for (const { room, text, id, offset } of this.acks) {
      const row = byId.get(`${room} ${id}`);
      if (row === undefined) faults.push(`"${text}" was acked and is not stored`);
      else if (row.text !== text) faults.push(`"${text}" was acked as ${id}, which is "${row.text}"`);
      else if (row.offset !== offset) faults.push(`"${text}" was acked at ${offset} and is stored at ${row.offset}`);
    }
    return faults;
  }

  #seen(text: string, id: string): void {
    const ids = this.#idsOf.get(text);
    if (ids === undefined) this.#idsOf.set(text, new Set([id]));
    else ids.add(id);
  }
}

/** Returns all stored messages, by room and offset. */
async function stored(database: Queried): Promise<Row[]> {
  const rows = await database.query('SELECT room, "offset"::integer AS "offset", id, text FROM messages ORDER BY room, "offset"');
  return rows.map(({ room, offset, id, text }) => ({
    room: String(room),
    offset: Number(offset),
    id: String(id),
    text: String(JSON.parse(String(text))),
  }));
}

function repeated(rows: readonly Row[]): string[] {
  const faults: string[] = [];
  const seen = new Map<string, Row>();
  for (const row of rows) {
    for (const key of [`id ${row.room} ${row.id}`, `offset ${row.room} ${row.offset}`, `text ${row.text}`]) {
      const other = seen.get(key);
      if (other !== undefined) faults.push(`stored twice, ${key}: at ${other.offset} and ${row.offset} of ${row.room}`);
      seen.set(key, row);
    }
  }
  return faults;
}

type ReadPage = (below: number | undefined) => Promise<Pick<ServerFrame, 'messages' | 'more'>>;

/** Reads with `history` frames. */
function frames({ client }: StayingClient, room: string): ReadPage {
  return (below) => client.history(room, { limit: PAGE, ...(below === undefined ? {} : { before: below }) });
}

/** Reads as `GET /rooms/{room}/messages` does. */
function pages(history: Pick<RoomHistory, 'page'>, user: string, room: string): ReadPage {
  return async (below = Number.POSITIVE_INFINITY) =>
    JSON.parse(await history.page({ userId: user, name: user, kind: 'user', rooms: undefined }, room, below, PAGE));
}

/** Returns the whole room, oldest first. */
async function readAll(room: string, read: ReadPage): Promise<Row[]> {
  const rows: Row[] = [];
  for (let below: number | undefined; ; ) {
    const frame = await read(below);
    const page = frame.messages ?? [];
    rows.unshift(...page.map(({ offset, message: { id, text = '' } }) => ({ room, offset, id, text })));
    below = page[0]?.offset;
    if (frame.more !== true || below === undefined) return rows;
  }
}

function compare(what: string, expected: readonly Row[], read: readonly Row[]): string[] {
  const [one, other] = [expected, read].map((rows) => rows.map(({ offset, id, text }) => `${offset} ${id} ${text}`));
  const wrong = one?.findIndex((line, i) => line !== other?.[i]) ?? -1;
  if (wrong < 0 && expected.length === read.length) return [];
  return [`${what}: ${read.length} of ${expected.length}; first other than stored: ${other?.[wrong]} for ${one?.[wrong]}`];
}
