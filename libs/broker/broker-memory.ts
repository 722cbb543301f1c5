/** The broker in memory. */
import { HubError } from '#libs/protocol/errors.ts';
import { latestStates } from '#libs/protocol/room-event.ts';
import { ACTIVE_MS } from './active-rooms.ts';
import type { Archive } from './archive.ts';
import { ArchiveKeys } from './archive-keys.ts';
import { ArchiveReader } from './archive-reader.ts';
import {
  type Broker,
  type BrokerListener,
  type Page,
  type PageLimit,
  type Publication,
  type Published,
  type PublishRequest,
  type Subscribed,
  type Topic,
  UNBEGUN,
} from './broker.ts';
import { type BrokerLimits, LATEST_PAGE } from './broker-limits.ts';
import { datedEpoch } from './epoch-source.ts';
import { type MemoryNode, MemorySpace } from './memory-space.ts';

/**
 * The broker of a single process. It gives the same guarantees as over Redis, and no connection can
 * break.
 *
 * Several brokers on one `MemorySpace` are several nodes. Nothing outlives the process.
 */
export class BrokerMemory implements Broker, MemoryNode {
  readonly #space: MemorySpace;
  /** Subscribed rooms, with the last offset delivered. */
  readonly #rooms = new Map<string, number>();
  readonly #users = new Set<string>();
  #listener: BrokerListener | undefined;
  #closed = false;

  readonly #archive: ArchiveReader | undefined;
  readonly #archived: ArchiveKeys | undefined;
  /** Rooms whose sequence is about to begin. Calls meanwhile wait for the same answer, in order. */
  readonly #beginning = new Map<string, Promise<void>>();

  /** @param space Default: a new one with these limits. */
  constructor(limits: BrokerLimits, space: MemorySpace = new MemorySpace(limits), archive?: Archive) {
    this.#space = space;
    this.#archive = archive && new ArchiveReader(archive);
    this.#archived = archive && new ArchiveKeys(archive, limits.idempotencyTtlMs);
  }

  async start(listener: BrokerListener): Promise<void> {
    if (this.#listener !== undefined) throw new TypeError('start() is called once');
    this.#listener = listener;
  }

  async subscribe(room: string, keep: boolean, begin = true): Promise<Subscribed> {
    this.#check();
    if (this.#rooms.has(room)) throw new TypeError(`${room} is subscribed to already`);
    const began = keep && this.#archive?.holds(room) !== true && !this.#space.has(room);
    if (began && !begin) throw new HubError('ROOM_NOT_FOUND');
    this.#rooms.set(room, 0);
    try {
      const { position, publications } = keep ? await this.#latest(room) : UNBEGUN;
      // There is no `await` after that read, so every later publication is delivered.
      this.#rooms.set(room, position.offset);
      this.#space.listen(`r:${room}`, this);
      return { position, latest: publications, began };
    } catch (error) {
      this.unsubscribe(`r:${room}`);
      throw error;
    }
  }

  async subscribeUser(user: string): Promise<void> {
    this.#check();
    if (this.#users.has(user)) throw new TypeError('this user is subscribed to already');
    this.#users.add(user);
    this.#space.listen(`u:${user}`, this);
  }

  unsubscribe(topic: Topic): void {
    const name = topic.slice(2);
    if (topic.startsWith('u:') ? this.#users.delete(name) : this.#rooms.delete(name)) this.#space.ignore(topic, this);
  }

  async publish(request: PublishRequest): Promise<Published> {
    this.#check();
    const { room, key, forceNew } = request;
    await this.#begin(room);
    if (this.#archived?.holds(room)) {
      if (key === null) await this.#archived.drainLookups(room);
      else if (!forceNew && this.#archived.mayHaveForgotten(this.#space.position(room).epoch)) {
        const { first } = await this.#archived.find(room, key);
        if (first !== undefined) return { ...first, repeated: true };
      }
    }
    return this.#space.publish(request);
  }

  async emit(topic: Topic, payload: string): Promise<void> {
    this.#check();
    this.#space.signal(topic, payload);
  }

  async after(room: string, offset: number, limit: PageLimit): Promise<Page> {
    this.#check();
    await this.#begin(room);
    const page = this.#space.after(room, offset, limit);
    return page.complete || this.#archive === undefined ? page : this.#archive.after(room, offset, limit, page);
  }

  async before(room: string, offset: number, limit: PageLimit): Promise<Page> {
    this.#check();
    if (this.#archive?.holds(room) !== true && !this.#space.has(room)) return UNBEGUN;
    await this.#begin(room);
    const page = this.#space.before(room, offset, limit);
    if (page.more || this.#archive?.holds(room) !== true) return page;
    const completed = await this.#archive.before(room, offset, limit, page);
    return { ...completed, publications: latestStates(completed.publications, this.#space.changes(room)) };
  }

  async kept(room: string, offset: number, limit: PageLimit): Promise<Page> {
    this.#check();
    await this.#begin(room);
    return this.#space.after(room, offset, limit);
  }

  async active(): Promise<string[]> {
    this.#check();
    return this.#space.publishedTo(ACTIVE_MS).filter((room) => this.#archive?.holds(room) === true);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const room of [...this.#rooms.keys()]) this.unsubscribe(`r:${room}`);
    for (const user of [...this.#users]) this.unsubscribe(`u:${user}`);
  }

  /** For `MemorySpace`. */
  publication(room: string, { offset, frame }: Publication): void {
    const last = this.#rooms.get(room);
    if (last === undefined || offset <= last) return;
    this.#rooms.set(room, offset);
    this.#listener?.publication(room, offset, frame, true);
  }

  /** For `MemorySpace`. */
  signal(topic: Topic, payload: Uint8Array): void {
    this.#listener?.signal(topic, payload);
  }

  /** Returns the latest page at the moment this resolves, completed from the archive. */
  async #latest(room: string): Promise<Pick<Page, 'position' | 'publications'>> {
    // Entering begins the sequence. With an archive it begins above the highest stored offset.
    await this.#begin(room);
    this.#space.position(room);
    for (;;) {
      const whole = await this.before(room, Number.POSITIVE_INFINITY, LATEST_PAGE);
      // Meanwhile the room may have got more publications, and old ones may have left the stream.
      const { position, publications, more } = this.#space.before(room, Number.POSITIVE_INFINITY, LATEST_PAGE);
      const first = publications[0]?.offset ?? position.offset + 1;
      if (first > whole.position.offset + 1) continue;
      const older = more ? [] : whole.publications.filter(({ offset }) => offset < first);
      const all = latestStates([...older, ...publications], this.#space.changes(room));
      return { position, publications: all.slice(-LATEST_PAGE.count) };
    }
  }

  /** Begins the sequence of a room with an archive above the highest stored offset. */
  async #begin(room: string): Promise<void> {
    if (this.#archive?.holds(room) !== true || this.#space.has(room)) return;
    const asked = this.#beginning.get(room);
    if (asked !== undefined) return asked;
    const begun = this.#archive.top(room).then((top) => this.#space.begin(room, datedEpoch(Date.now()), top));
    this.#beginning.set(room, begun);
    const done = (): void => void this.#beginning.delete(room);
    begun.then(done, done);
    return begun;
  }

  #check(): void {
    if (this.#closed) throw new HubError('UNAVAILABLE', 'The broker is closed.');
  }
}
