/** The shared state of brokers in memory. */
import { randomBytes } from 'node:crypto';
import { latestStates } from '#libs/protocol/room-event.ts';
import { isMessageFrame } from '#libs/protocol/server-frame.ts';
import type { Page, PageLimit, Position, Publication, Published, PublishRequest, Topic } from './broker.ts';
import type { BrokerLimits } from './broker-limits.ts';

/** A node of a space. */
export interface MemoryNode {
  publication(room: string, publication: Publication): void;
  signal(topic: Topic, payload: Uint8Array): void;
}

interface KeptPublication extends Publication {
  readonly at: number;
}

interface KeptRoom {
  readonly epoch: string;
  offset: number;
  publications: KeptPublication[];
  /** The time of its last use, milliseconds of the steady clock. */
  touched: number;
  readonly keys: Map<string, { readonly published: Published; readonly until: number }>;
}

/** Options of `MemorySpace`. */
export interface MemorySpaceOptions {
  /** Milliseconds of a steady clock. Default: the system's. */
  readonly steady?: () => number;
  /** Makes epochs. Default: random ones. */
  readonly epoch?: () => string;
}

/** Calls between two clean-ups of expired rooms and keys. */
const TIDY_EVERY = 1000;

/**
 * The state that the brokers of one process share: sequences and streams of rooms, and the delivery
 * between nodes.
 *
 * Publications of one event-loop turn are delivered together after it, in the order of publishing.
 */
export class MemorySpace {
  readonly #limits: BrokerLimits;
  readonly #steady: () => number;
  readonly #newEpoch: () => string;
  readonly #rooms = new Map<string, KeptRoom>();
  readonly #listening = new Map<Topic, Set<MemoryNode>>();
  #queue: (() => void)[] = [];
  #calls = 0;

  constructor(limits: BrokerLimits, options: MemorySpaceOptions = {}) {
    this.#limits = limits;
    this.#steady = options.steady ?? (() => performance.now());
    this.#newEpoch = options.epoch ?? (() => randomBytes(12).toString('base64url'));
  }

  /** Starts the delivery of a topic to a node. */
  listen(topic: Topic, node: MemoryNode): void {
    const nodes = this.#listening.get(topic);
    if (nodes === undefined) this.#listening.set(topic, new Set([node]));
    else nodes.add(node);
  }

  /** Ends the delivery of a topic to a node. */
  ignore(topic: Topic, node: MemoryNode): void {
    const nodes = this.#listening.get(topic);
    nodes?.delete(node);
    if (nodes?.size !== 0) return;
    this.#listening.delete(topic);
    // The room had a listener until now, so its remaining life starts here.
    const room = this.#rooms.get(topic.slice(2));
    if (topic.startsWith('r:') && room !== undefined) room.touched = this.#steady();
  }

  /** Whether the room's sequence has begun. */
  has(name: string): boolean {
    const room = this.#rooms.get(name);
    return room !== undefined && !this.#expired(name, room, this.#steady());
  }

  /** Begins the sequence of a room that has none, above `offset`. */
  begin(name: string, epoch: string, offset: number): void {
    if (!this.has(name)) this.#rooms.set(name, { epoch, offset, publications: [], touched: this.#steady(), keys: new Map() });
  }

  /** Publishes as `Broker.publish`, without an archive. */
  publish({ room: name, tail, key, at, forceNew }: PublishRequest): Published {
    const now = this.#steady();
    const room = this.#room(name, now);
    const first = key === null || forceNew ? undefined : room.keys.get(key);
    if (first !== undefined && first.until > now) return { ...first.published, repeated: true };
    room.offset++;
    const published: Published = { epoch: room.epoch, offset: room.offset, at, repeated: false };
    if (key !== null) room.keys.set(key, { published, until: now + this.#limits.idempotencyTtlMs });
    const publication: KeptPublication = { offset: room.offset, frame: Buffer.from(`{"offset":${room.offset},${tail}`), at: now };
    room.publications.push(publication);
    if (room.publications.length > this.#limits.streamMaxLength * 1.1)
      room.publications.splice(0, room.publications.length - this.#limits.streamMaxLength);
    this.#deliver(() => {
      for (const node of this.#listening.get(`r:${name}`) ?? []) node.publication(name, publication);
    });
    return published;
  }

  /** Sends a signal to all nodes that listen to the topic. */
  signal(topic: Topic, payload: string): void {
    const bytes = Buffer.from(payload);
    this.#deliver(() => {
      for (const node of this.#listening.get(topic) ?? []) node.signal(topic, bytes);
    });
  }

  /** The position of a room. Begins its sequence if it has none. */
  position(name: string): Position {
    const { epoch, offset } = this.#room(name, this.#steady());
    return { epoch, offset };
  }

  /** As `Broker.after`, without an archive. Begins the sequence of a room that has none. */
  after(name: string, offset: number, limit: PageLimit): Page {
    const { epoch, offset: top, publications } = this.#room(name, this.#steady());
    const newer = publications.filter((publication) => publication.offset > offset);
    const page = take(newer, limit);
    return {
      position: { epoch, offset: top },
      publications: page,
      more: page.length < newer.length,
      complete: top <= offset || newer[0]?.offset === offset + 1,
    };
  }

  /** As `Broker.before`, without an archive. Begins the sequence of a room that has none. */
  before(name: string, offset: number, limit: PageLimit): Page {
    const { epoch, offset: top, publications } = this.#room(name, this.#steady());
    const older = latestStates(publications)
      .filter((publication) => publication.offset < offset)
      .toReversed();
    const page = take(older, limit);
    return { position: { epoch, offset: top }, publications: page.toReversed(), more: page.length < older.length, complete: true };
  }

  /** Returns the `event` frames of the room's stream. */
  changes(name: string): Uint8Array[] {
    const { publications } = this.#room(name, this.#steady());
    return publications.flatMap(({ frame }) => (isMessageFrame(frame) ? [] : [frame]));
  }

  /** Returns the rooms with a publication within this many milliseconds. */
  publishedTo(withinMs: number): string[] {
    const since = this.#steady() - withinMs;
    return [...this.#rooms]
      .filter(([, { publications }]) => (publications.at(-1)?.at ?? Number.NEGATIVE_INFINITY) >= since)
      .map(([name]) => name);
  }

  /** Returns the room and marks it as used. Makes it if it does not exist or has expired. */
  #room(name: string, now: number): KeptRoom {
    if (++this.#calls % TIDY_EVERY === 0) this.#tidy(now);
    let room = this.#rooms.get(name);
    if (room === undefined || this.#expired(name, room, now)) {
      room = { epoch: this.#newEpoch(), offset: 0, publications: [], touched: now, keys: new Map() };
      this.#rooms.set(name, room);
    }
    room.touched = now;
    const oldest = room.publications[0];
    if (oldest !== undefined && oldest.at < now - this.#limits.streamMaxAgeMs) {
      room.publications = room.publications.filter(({ at }) => at >= now - this.#limits.streamMaxAgeMs);
    }
    return room;
  }

  #expired(name: string, room: KeptRoom, now: number): boolean {
    const { emptyTtlMs, streamMaxAgeMs, positionTtlMs } = this.#limits;
    const life = room.offset === 0 ? emptyTtlMs : streamMaxAgeMs + positionTtlMs;
    return room.touched + life < now && !this.#listening.has(`r:${name}`);
  }

  #tidy(now: number): void {
    for (const [name, room] of this.#rooms) {
      if (this.#expired(name, room, now)) this.#rooms.delete(name);
      for (const [key, { until }] of room.keys) {
        if (until > now) break;
        room.keys.delete(key);
      }
    }
  }

  #deliver(delivery: () => void): void {
    this.#queue.push(delivery);
    if (this.#queue.length > 1) return;
    setImmediate(() => {
      const queue = this.#queue;
      this.#queue = [];
      for (const one of queue) one();
    });
  }
}

function take(publications: readonly Publication[], { count, bytes }: PageLimit): Publication[] {
  const page: Publication[] = [];
  let room = bytes;
  for (const { offset, frame, change } of publications) {
    const { length } = change ?? frame;
    if (page.length === count || (length > room && page.length > 0)) break;
    page.push({ offset, frame, ...(change === undefined ? {} : { change }) });
    room -= length;
  }
  return page;
}
