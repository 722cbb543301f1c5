import type { Archive, Archived, ArchivedPage, ArchivedPublication, Known } from '#libs/broker/archive.ts';
import type { PageLimit, Published, PublishRequest } from '#libs/broker/broker.ts';
import { HubError } from '#libs/protocol/errors.ts';

interface Row extends ArchivedPublication, Archived {
  readonly key: string | null;
}

/**
 * An archive on plain arrays, for rooms named `kept...`. A test can make it unavailable and delay
 * its answers in any order.
 */
export class ArrayArchive implements Archive {
  /** While true, every method but `holds` rejects. */
  away = false;
  /** The number of calls, by method. */
  readonly asked = { top: 0, find: 0, after: 0, before: 0 };
  readonly #rooms = new Map<string, Row[]>();
  #answer: () => Promise<void> = () => Promise.resolve();

  /** Runs this before each answer. */
  delay(answer: () => Promise<void>): void {
    this.#answer = answer;
  }

  /** Stores a publication at its place. */
  store({ room, tail, key }: PublishRequest, { offset, epoch, at }: Published): void {
    this.put(room, { offset, epoch, at, key, frame: Buffer.from(`{"offset":${offset},${tail}`) });
  }

  /** Stores messages 1 to `top` of an earlier epoch. */
  seed(room: string, top: number, epoch = 'an-older-epoch-0'): void {
    for (let offset = 1; offset <= top; offset++) {
      this.put(room, { offset, epoch, at: offset, key: `${room}-${offset}`, frame: Buffer.from(`{"offset":${offset},"seeded":true}`) });
    }
  }

  put(room: string, row: Row): void {
    const rows = this.rows(room).filter(({ offset }) => offset !== row.offset);
    this.#rooms.set(
      room,
      [...rows, row].sort((one, other) => one.offset - other.offset),
    );
  }

  remove(room: string, offset: number): void {
    this.#rooms.set(
      room,
      this.rows(room).filter((row) => row.offset !== offset),
    );
  }

  rows(room: string): readonly Row[] {
    return this.#rooms.get(room) ?? [];
  }

  holds(room: string): boolean {
    return room.startsWith('kept');
  }

  top(room: string): Promise<number> {
    return this.#ask('top', () => this.#top(room));
  }

  find(room: string, key: string): Promise<Known> {
    return this.#ask('find', () => {
      const row = this.rows(room).find((one) => one.key === key);
      return { first: row && { offset: row.offset, epoch: row.epoch, at: row.at }, top: this.#top(room) };
    });
  }

  after(room: string, offset: number, limit: PageLimit): Promise<ArchivedPublication[]> {
    return this.#ask('after', () =>
      upTo(
        limit,
        this.rows(room).filter((row) => row.offset > offset),
      ),
    );
  }

  before(room: string, offset: number, limit: PageLimit): Promise<ArchivedPage> {
    return this.#ask('before', () => {
      const rows = this.rows(room).filter((row) => row.offset < offset);
      const publications = upTo(limit, rows.toReversed()).reverse();
      return { publications, more: publications.length < rows.length };
    });
  }

  #top(room: string): number {
    return this.rows(room).at(-1)?.offset ?? 0;
  }

  /** Reads the answer at the time of the call, and returns it when the test allows. */
  async #ask<T>(method: keyof ArrayArchive['asked'], look: () => T): Promise<T> {
    this.asked[method] += 1;
    if (this.away) throw new HubError('UNAVAILABLE');
    const known = look();
    await this.#answer();
    return known;
  }
}

/** As the store does: the row that reaches the limit is the last one. */
function upTo({ count, bytes }: PageLimit, rows: readonly Row[]): Row[] {
  let sum = 0;
  const end = rows.findIndex(({ frame }) => {
    sum += frame.length;
    return sum >= bytes;
  });
  return rows.slice(0, Math.min(count, end < 0 ? rows.length : end + 1));
}
