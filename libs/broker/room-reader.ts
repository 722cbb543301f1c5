import type { RedisLink } from '#libs/redis/redis-link.ts';
import { loadScript, type Script } from '#libs/redis/script.ts';
import type { Archive } from './archive.ts';
import { ArchiveReader } from './archive-reader.ts';
import { type Page, type PageLimit, type Position, type Publication, UNBEGUN } from './broker.ts';
import type { BrokerLimits } from './broker-limits.ts';
import { datedEpoch, type EpochSource } from './epoch-source.ts';
import { offsetOf } from './frame-offset.ts';

const PAGE = new URL('./lua/page.lua', import.meta.url);
const POSITION = new URL('./lua/position.lua', import.meta.url);

/**
 * Reads streams and positions of rooms. Every read keeps the position from expiring, and rotates the epoch where the server changed; the epoch of a room
 * with an archive begins above what is stored.
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

  /** As `Broker.before`. A room that has no sequence is given none: reading a name leaves nothing in Redis. */
  async before(room: string, offset: number, limit: PageLimit): Promise<Page> {
    if (this.#archive?.holds(room)) return this.latest(room, offset, limit);
    const found = await this.#readOnce(room, 'XREVRANGE', before(offset), limit, '', 0);
    if (found === 'stale') return this.latest(room, offset, limit);
    return found === undefined ? UNBEGUN : whole(found);
  }

  /** The latest page, and whether the sequence of a room without an archive began with this; undefined where it would have to begin and may not. */
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
    const { position, publications: read, more } = await this.#read(room, 'XREVRANGE', before(offset), limit);
    const archive = this.#archive?.holds(room) ? this.#archive : undefined;
    if (archive === undefined) return { position, publications: read.reverse(), more, complete: true };
    const run = untilHole(read);
    const follows = run[0]?.offset === Math.min(offset - 1, position.offset);
    const cut = run.length < read.length;
    const page = { position, publications: run.reverse(), more: more || cut, complete: true };
    if (follows && more && !cut) return page;
    return archive.before(room, offset, limit, follows ? page : { ...page, publications: [] });
  }

  /** As `Broker.kept`. */
  async kept(room: string, offset: number, limit: PageLimit): Promise<Page> {
    return { ...(await this.#read(room, 'XRANGE', String(offset + 1), limit)), complete: true };
  }

  /** Runs a script that may have to begin an epoch: at once where any will do, else only once it is known what is stored. */
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

  /** If an epoch would have to begin and `fresh` is empty: `stale` for a room that has one of another server, undefined for one that has none. */
  async #readOnce(room: string, direction: Direction, from: string, limit: PageLimit, fresh: string, floor: number) {
    const { keys } = this.#link;
    const args = [fresh, direction, from, limit.count, limit.bytes, floor];
    const reply = await this.#link.run(this.#page, [keys.meta(room), keys.stream(room)], args, { runId: true, buffers: true });
    const [epoch, offset, more, ...frames] = reply as [Buffer, number, number, ...Buffer[]];
    if (epoch.length === 0) return more === 1 ? 'stale' : undefined;
    return {
      position: { epoch: epoch.toString('latin1'), offset },
      publications: frames.map((frame) => ({ offset: offsetOf(frame), frame })),
      more: more === 1,
    };
  }
}

type Direction = 'XRANGE' | 'XREVRANGE';

/** A page that was read newest first. */
function whole(page: RawPage): Page {
  return { ...page, publications: page.publications.toReversed(), complete: true };
}

/** Where a read of what is below an offset begins. Offset 0 is nobody's: the read still gives the position. */
function before(offset: number): string {
  return offset === Number.POSITIVE_INFINITY ? '+' : String(Math.max(0, offset - 1));
}

/**
 * The first of these whose offsets are one apart, in either direction. A stream has a hole where Redis came back with older data than the archive's, or
 * where an epoch was raised above what the one before it stored late: what belongs there is known to the archive alone.
 */
function untilHole(publications: readonly Publication[]): Publication[] {
  const end = publications.findIndex(({ offset }, i) => Math.abs(offset - (publications[i - 1]?.offset ?? offset - 1)) !== 1);
  return publications.slice(0, end < 0 ? publications.length : end);
}

interface RawPage {
  readonly position: Position;
  readonly publications: Publication[];
  readonly more: boolean;
}

/** Milliseconds a room's position lives after it was last touched: always longer than its stream. */
export function metaLife(limits: BrokerLimits): number {
  return limits.streamMaxAgeMs + limits.positionTtlMs;
}
