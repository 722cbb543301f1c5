/** Reads the streams of rooms from Redis. */
import { latestStates } from '#libs/protocol/room-event.ts';
import { loadScript, type RedisLink, type Script } from '#libs/redis/redis-link.ts';
import type { Archive } from './archive.ts';
import { ArchiveReader } from './archive-reader.ts';
import { type Page, type PageLimit, type Position, type Publication, UNBEGUN } from './broker.ts';
import type { BrokerLimits } from './broker-limits.ts';
import { datedEpoch, type EpochSource } from './epoch-source.ts';
import { offsetOf } from './room-sequence.ts';

const PAGE = new URL('./lua/page.lua', import.meta.url);
const POSITION = new URL('./lua/position.lua', import.meta.url);

/**
 * Reads streams and positions of rooms. Every read keeps the position from expiring and begins a
 * new epoch if the server changed. If the room has an archive, its new epoch begins above the
 * highest stored offset.
 */
export class RoomReader {
  readonly #link: RedisLink;
  readonly #page: Script;
  readonly #position: Script;
  readonly #epochs: EpochSource;
  readonly #archive: ArchiveReader | undefined;

  constructor(link: RedisLink, limits: BrokerLimits, epochs: EpochSource, archive?: Archive) {
    this.#archive = archive && new ArchiveReader(archive);
    this.#link = link;
    const constants = { META_LIFE: metaLife(limits), EMPTY_LIFE: limits.emptyTtlMs };
    this.#page = loadScript(PAGE, constants);
    this.#position = loadScript(POSITION, constants);
    this.#epochs = epochs;
  }

  /**
   * Reads the position of a room. Begins the sequence if it has none. Rejects with
   * `ArchiveAwayError` if that needs the archive.
   */
  async position(room: string): Promise<Position> {
    const { keys } = this.#link;
    return this.#begun(room, async (fresh, floor) => {
      const reply = await this.#link.run(this.#position, [keys.meta(room), keys.stream(room)], [fresh, floor], { runId: true });
      const [epoch, offset] = reply as [string, number];
      return epoch === '' ? undefined : { epoch, offset };
    });
  }

  /** As `Broker.after`. */
  async after(room: string, offset: number, limit: PageLimit): Promise<Page> {
    const { position, publications: read, more } = await this.#read(room, 'XRANGE', String(offset + 1), limit);
    const publications = untilHole(read);
    const complete = position.offset <= offset || publications[0]?.offset === offset + 1;
    const page = { position, publications, more: more || publications.length < read.length, complete };
    return complete || this.#archive === undefined ? page : this.#archive.after(room, offset, limit, page);
  }

  /** As `Broker.before`. A room without a sequence gets none: reading leaves nothing in Redis. */
  async before(room: string, offset: number, limit: PageLimit): Promise<Page> {
    if (this.#archive?.holds(room)) return this.latest(room, offset, limit);
    const found = await this.#readOnce(room, 'XREVRANGE', before(offset), limit, '', 0);
    if (found === 'stale') return this.latest(room, offset, limit);
    return found === undefined ? UNBEGUN : whole(found);
  }

  /**
   * Returns the latest page, and whether this call began the sequence of a room without an archive.
   * Undefined if the room has no sequence and `begin` is false.
   */
  async enter(room: string, limit: PageLimit, begin: boolean): Promise<{ readonly page: Page; readonly began: boolean } | undefined> {
    if (!this.#archive?.holds(room)) {
      const fresh = begin ? this.#epochs() : '';
      const found = await this.#readOnce(room, 'XREVRANGE', before(Number.POSITIVE_INFINITY), limit, fresh, 0);
      if (found === undefined) return undefined;
      if (found !== 'stale') return { page: whole(found), began: found.position.epoch === fresh };
    }
    return { page: await this.latest(room, Number.POSITIVE_INFINITY, limit), began: false };
  }

  /** As `before`, and begins the sequence of a room that has none. */
  async latest(room: string, offset: number, limit: PageLimit): Promise<Page> {
    const { position, publications: read, changes, more } = await this.#read(room, 'XREVRANGE', before(offset), limit);
    const archive = this.#archive?.holds(room) ? this.#archive : undefined;
    if (archive === undefined) return whole({ position, publications: read, changes, more });
    const run = untilHole(read);
    const follows = run[0]?.offset === Math.min(offset - 1, position.offset);
    const cut = run.length < read.length;
    const page = whole({ position, publications: run, changes, more: more || cut });
    if (follows && more && !cut) return page;
    const completed = await archive.before(room, offset, limit, follows ? page : { ...page, publications: [] });
    // An event that is not stored yet may change a message that only the archive has.
    return { ...completed, publications: latestStates(completed.publications, changes) };
  }

  /** As `Broker.kept`. */
  async kept(room: string, offset: number, limit: PageLimit): Promise<Page> {
    const { position, publications, more } = await this.#read(room, 'XRANGE', String(offset + 1), limit);
    return { position, publications, more, complete: true };
  }

  /**
   * Runs a script that may have to begin an epoch. Without an archive it gets a new epoch at once.
   * With one it gets an epoch only after the highest stored offset is known.
   */
  async #begun<T>(room: string, run: (fresh: string, floor: number) => Promise<T | undefined>): Promise<T> {
    const found = await run(this.#archive?.holds(room) ? '' : this.#epochs(), 0);
    if (found !== undefined) return found;
    const floor = (await this.#archive?.top(room)) ?? 0;
    const begun = await run(datedEpoch(Date.now()), floor);
    if (begun === undefined) throw new TypeError('a script that was given an epoch asks for one');
    return begun;
  }

  #read(room: string, direction: Direction, from: string, limit: PageLimit): Promise<RawPage> {
    return this.#begun(room, async (fresh, floor) => {
      const page = await this.#readOnce(room, direction, from, limit, fresh, floor);
      return page === 'stale' ? undefined : page;
    });
  }

  /**
   * Reads once. If a new epoch is needed and `fresh` is empty, returns `stale` for a room with an
   * epoch of another server, and undefined for a room without one.
   */
  async #readOnce(room: string, direction: Direction, from: string, limit: PageLimit, fresh: string, floor: number) {
    const { keys } = this.#link;
    const args = [fresh, direction, from, limit.count, limit.bytes, floor];
    const reply = await this.#link.run(this.#page, [keys.meta(room), keys.stream(room), keys.eventMark(room)], args, {
      runId: true,
      buffers: true,
    });
    const [epoch, offset, more, length = 0, ...frames] = reply as [Buffer, number, number, number?, ...Buffer[]];
    if (epoch.length === 0) return more === 1 ? 'stale' : undefined;
    return {
      position: { epoch: epoch.toString('latin1'), offset },
      publications: frames.slice(0, length).map((frame) => ({ offset: offsetOf(frame), frame })),
      changes: frames.slice(length),
      more: more === 1,
    };
  }
}

type Direction = 'XRANGE' | 'XREVRANGE';

/** Makes a page of messages in their latest state. The read gave the newest first. */
function whole({ position, publications, changes, more }: RawPage): Page {
  return { position, publications: latestStates(publications.toReversed(), changes), more, complete: true };
}

/**
 * Returns the start of a read below an offset. No publication has offset 0: such a read gives the
 * position only.
 */
function before(offset: number): string {
  return offset === Number.POSITIVE_INFINITY ? '+' : String(Math.max(0, offset - 1));
}

/**
 * Returns the publications up to the first hole, in either direction. A stream has a hole if Redis
 * came back with older data than the archive, or if an epoch began above messages that were stored
 * late. Only the archive has the missing ones.
 */
function untilHole(publications: readonly Publication[]): Publication[] {
  const end = publications.findIndex(({ offset }, i) => Math.abs(offset - (publications[i - 1]?.offset ?? offset - 1)) !== 1);
  return publications.slice(0, end < 0 ? publications.length : end);
}

interface RawPage {
  readonly position: Position;
  readonly publications: Publication[];
  /** `event` frames with the latest states of messages. */
  readonly changes: readonly Uint8Array[];
  readonly more: boolean;
}

/**
 * Returns the milliseconds that a room's position is kept after its last use. They are always
 * longer than the life of its stream.
 */
export function metaLife(limits: BrokerLimits): number {
  return limits.streamMaxAgeMs + limits.positionTtlMs;
}
