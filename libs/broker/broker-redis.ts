/** The broker on Redis. */
import { HubError } from '#libs/protocol/errors.ts';
import type { RedisMaster } from '#libs/redis/master.ts';
import type { RedisLink } from '#libs/redis/redis-link.ts';
import type { Archive } from './archive.ts';
import {
  type Broker,
  type BrokerListener,
  type Page,
  type PageLimit,
  type Published,
  type PublishRequest,
  type Subscribed,
  type Topic,
  UNBEGUN,
} from './broker.ts';
import { type BrokerLimits, DEFAULT_BROKER_LIMITS, LATEST_PAGE } from './broker-limits.ts';
import { type ChannelOwner, Channels } from './channels.ts';
import { type EpochSource, epochSource } from './epoch-source.ts';
import { Publisher } from './publisher.ts';
import { RoomFiller } from './room-filler.ts';
import { RoomReader } from './room-reader.ts';
import { Phase, RoomSequence, type SequenceHost } from './room-sequence.ts';

/** Hooks for metrics. */
export interface BrokerObserver {
  /** A gap in a room was filled from the stream (`filled`), or reported as a reset. */
  gap(filled: boolean): void;
  /** A connection to Redis was restored. */
  reconnect(): void;
  /** The seconds of a probe's round trip from this node through Redis. */
  lag(seconds: number): void;
}

/** Options of `BrokerRedis`. */
export interface BrokerRedisOptions extends Partial<BrokerLimits> {
  readonly observe?: BrokerObserver;
  /**
   * Milliseconds between two probes of a subscriber. A dead one is found within two intervals.
   * Default 2,000.
   */
  readonly probeEveryMs?: number;
  /**
   * Milliseconds between two checks for rooms that fell behind unnoticed. Each check also keeps
   * positions from expiring. Default 600,000.
   */
  readonly sweepEveryMs?: number;
  readonly epochs?: EpochSource;
  /** The store of messages that outlive Redis. Absent: no message outlives it. */
  readonly archive?: Archive;
}

/**
 * Milliseconds that `start` and `subscribe` wait at most, and milliseconds between two attempts.
 */
const PATIENCE_MS = 5000;
const RETRY_MS = 200;

const SILENT: BrokerObserver = { gap: () => undefined, reconnect: () => undefined, lag: () => undefined };

/**
 * The broker on Redis: one server, Sentinel or a Cluster.
 *
 * After every reconnect of either connection, rooms are compared with their streams. So no
 * publication is missed silently (M4). The promise of `subscribe` resolves one event-loop turn
 * before the room's first `publication`, so that the caller's microtasks run before.
 */
export class BrokerRedis implements Broker, SequenceHost {
  readonly #link: RedisLink;
  readonly #options: BrokerRedisOptions;
  readonly #reader: RoomReader;
  readonly #publisher: Publisher;
  readonly #observe: BrokerObserver;
  readonly #emptyTtlMs: number;
  readonly #rooms = new Map<string, RoomSequence>();
  readonly #healthy = new Set<string>();
  /** The running comparison of each master. A later one replaces it. */
  readonly #comparing = new Map<string, symbol>();
  #listener: BrokerListener | undefined;
  #filler: RoomFiller | undefined;
  #channels: Channels | undefined;
  #releases: [sequence: RoomSequence, round: number][] = [];
  #sweeps: NodeJS.Timeout[] = [];
  #started: (() => void) | undefined;
  #up = false;
  #closed = false;

  /** @param link The caller closes it, after the broker. */
  constructor(link: RedisLink, options: BrokerRedisOptions = {}) {
    const limits = { ...DEFAULT_BROKER_LIMITS, ...options };
    const epochs = options.epochs ?? epochSource();
    this.#link = link;
    this.#options = options;
    this.#observe = options.observe ?? SILENT;
    this.#emptyTtlMs = limits.emptyTtlMs;
    this.#reader = new RoomReader(link, limits, epochs, options.archive);
    this.#publisher = new Publisher(link, limits, epochs, this.#reader, options.archive);
  }

  /** For `RoomSequence`. */
  get listener(): BrokerListener {
    if (this.#listener === undefined) throw new TypeError('start() comes first');
    return this.#listener;
  }

  async start(listener: BrokerListener): Promise<void> {
    if (this.#listener !== undefined) throw new TypeError('start() is called once');
    this.#listener = listener;
    const gap = (filled: boolean): void => this.#observe.gap(filled);
    this.#filler = new RoomFiller({ reader: this.#reader, listener, log: this.#link.log, gap });
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new HubError('UNAVAILABLE', 'Redis cannot be reached.')), PATIENCE_MS);
      this.#started = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#channels = new Channels(
        this.#link,
        {
          signal: (topic, payload) => listener.signal(topic, payload),
          restored: (master) => this.#restored(master),
          commandLost: (master) => this.#degraded(master),
          subscriberLost: (master) => {
            for (const owner of this.#channels?.ownersOn(master) ?? []) if (owner instanceof RoomSequence) owner.interrupt();
            this.#degraded(master);
          },
          resubscribed: (owners) => this.#resubscribed(owners),
          reconnect: () => this.#observe.reconnect(),
          lag: (seconds) => this.#observe.lag(seconds),
        },
        this.#options.probeEveryMs ?? 2000,
      );
    });
    this.#sweeps = [
      setInterval(() => this.#sweepRooms(() => true), this.#options.sweepEveryMs ?? 600_000),
      // Positions of rooms without a publication expire soon.
      setInterval(() => this.#sweepRooms(({ last }) => last === 0), this.#emptyTtlMs / 3),
    ];
    for (const sweep of this.#sweeps) sweep.unref();
  }

  async subscribe(room: string, keep: boolean, begin = true): Promise<Subscribed> {
    if (this.#rooms.has(room)) throw new TypeError(`${room} is subscribed to already`);
    const sequence = new RoomSequence(room, keep, this);
    this.#rooms.set(room, sequence);
    try {
      return await this.#join(sequence, begin, performance.now() + PATIENCE_MS);
    } catch (error) {
      if (this.#rooms.get(room) === sequence) this.unsubscribe(`r:${room}`);
      throw HubError.from(error);
    }
  }

  async subscribeUser(user: string): Promise<void> {
    const channel = this.#link.keys.userChannel(user);
    if (this.#channels?.has(channel)) throw new TypeError('this user is subscribed to already');
    try {
      await this.#subscribed(channel, `u:${user}`);
    } catch (error) {
      this.unsubscribe(`u:${user}`);
      throw HubError.from(error);
    }
  }

  unsubscribe(topic: Topic): void {
    const name = topic.slice(2);
    if (topic.startsWith('u:')) {
      this.#channels?.remove(this.#link.keys.userChannel(name));
      return;
    }
    const sequence = this.#rooms.get(name);
    if (sequence === undefined) return;
    this.#rooms.delete(name);
    sequence.end();
    for (const channel of this.#channelsOf(name)) this.#channels?.remove(channel);
  }

  publish(request: PublishRequest): Promise<Published> {
    return this.#publisher.publish(request);
  }

  async emit(topic: Topic, payload: string): Promise<void> {
    const { keys, isCluster } = this.#link;
    const name = topic.slice(2);
    const channel = topic.startsWith('u:') ? keys.userChannel(name) : keys.roomChannel(name);
    await this.#link.command(channel, isCluster ? 'SPUBLISH' : 'PUBLISH', channel, payload);
  }

  after(room: string, offset: number, limit: PageLimit): Promise<Page> {
    return this.#reader.after(room, offset, limit);
  }

  before(room: string, offset: number, limit: PageLimit): Promise<Page> {
    return this.#reader.before(room, offset, limit);
  }

  kept(room: string, offset: number, limit: PageLimit): Promise<Page> {
    return this.#reader.kept(room, offset, limit);
  }

  active(): Promise<string[]> {
    return this.#publisher.active();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const sweep of this.#sweeps) clearInterval(sweep);
    this.#publisher.close();
    this.#filler?.close();
    for (const sequence of this.#rooms.values()) sequence.end();
    this.#rooms.clear();
    this.#channels?.close();
  }

  /** For `RoomSequence`. */
  gap(sequence: RoomSequence): void {
    this.#filler?.fill(sequence);
  }

  /** For `RoomSequence`. */
  rewound(sequence: RoomSequence): void {
    this.#filler?.restore(sequence);
  }

  /**
   * Subscribes first, then reads. Publications meanwhile are held. Starts again if the subscriber
   * broke meanwhile.
   */
  async #join(sequence: RoomSequence, begin: boolean, end: number): Promise<Subscribed> {
    const { room, keep } = sequence;
    let began = false;
    for (;;) {
      await Promise.all(this.#channelsOf(room).map((channel) => this.#subscribed(channel, sequence)));
      const { round } = sequence;
      let page: Page | undefined;
      try {
        const entered = keep ? await this.#reader.enter(room, LATEST_PAGE, begin) : { page: UNBEGUN, began: false };
        if (entered === undefined) throw new HubError('ROOM_NOT_FOUND');
        page = entered.page;
        began ||= entered.began;
      } catch (error) {
        if (performance.now() > end || HubError.from(error).code === 'ROOM_NOT_FOUND') throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
      if (sequence.phase === Phase.ended) throw new HubError('UNAVAILABLE', 'Unsubscribed meanwhile.');
      if (page !== undefined && sequence.round === round) {
        sequence.moveTo(page.position);
        this.#releaseLater(sequence);
        return { position: page.position, latest: page.publications, began };
      }
      if (performance.now() > end) throw new HubError('UNAVAILABLE', 'Redis is not stable.');
    }
  }

  /**
   * Releases a room one event-loop turn later, so that the consumer of the promise runs before.
   * Skips a room that was interrupted meanwhile.
   */
  #releaseLater(sequence: RoomSequence): void {
    this.#releases.push([sequence, sequence.round]);
    if (this.#releases.length > 1) return;
    setImmediate(() => {
      const releases = this.#releases;
      this.#releases = [];
      for (const [one, round] of releases) {
        if (one.phase === Phase.filling && one.round === round && !one.release()) this.#filler?.fill(one);
      }
    });
  }

  #subscribed(channel: string, owner: ChannelOwner): Promise<void> {
    if (this.#channels === undefined) throw new TypeError('start() comes first');
    return this.#channels.add(channel, owner);
  }

  #channelsOf(room: string): string[] {
    const { keys } = this.#link;
    const own = keys.roomChannel(room);
    const presence = keys.presenceChannel(room);
    return own === presence ? [own] : [own, presence];
  }

  /**
   * Compares all rooms of a master whose connections are back, then reports that signals may have
   * been lost.
   */
  #restored(master: RedisMaster): void {
    const token = Symbol(master.id);
    this.#comparing.set(master.id, token);
    const owners = [...(this.#channels?.ownersOn(master) ?? [])];
    for (const owner of owners) if (owner instanceof RoomSequence) owner.interrupt();
    const current = (): boolean => !this.#closed && this.#comparing.get(master.id) === token;
    this.#compare(owners).then(
      () => {
        if (!current()) return;
        this.#comparing.delete(master.id);
        this.#healthy.add(master.id);
        this.#reportHealed(owners);
        this.#update();
      },
      (error: unknown) => {
        this.#link.log.warn({ master: master.id, err: error }, 'rooms could not be compared yet');
        setTimeout(() => {
          if (current() && master.up) this.#restored(master);
        }, RETRY_MS).unref();
      },
    );
  }

  async #compare(owners: readonly ChannelOwner[]): Promise<void> {
    const rooms = owners.filter((owner) => owner instanceof RoomSequence);
    for (const room of rooms) if (!room.keep && room.phase === Phase.filling) room.release();
    await this.#filler?.compare(rooms.filter((room) => room.keep && room.phase === Phase.filling));
  }

  /** Discards a running comparison: its result is out of date. */
  #degraded(master: RedisMaster): void {
    this.#comparing.delete(master.id);
    this.#healthy.delete(master.id);
    this.#update();
  }

  #resubscribed(owners: readonly ChannelOwner[]): void {
    for (const owner of owners) if (owner instanceof RoomSequence && owner.keep && owner.phase === Phase.filling) this.#filler?.fill(owner);
    this.#reportHealed(owners);
  }

  #reportHealed(owners: readonly ChannelOwner[]): void {
    const topics = owners.map((owner): Topic => (owner instanceof RoomSequence ? `r:${owner.room}` : owner));
    if (topics.length > 0 && !this.#closed) this.listener.healed(topics);
  }

  #update(): void {
    const up = this.#channels?.whole === true && this.#link.masters().every((master) => this.#healthy.has(master.id));
    if (this.#closed || up === this.#up) return;
    this.#up = up;
    if (this.#started === undefined) this.listener.connectivity(up);
    else if (up) {
      this.#started();
      this.#started = undefined;
    }
  }

  #sweepRooms(due: (room: RoomSequence) => boolean): void {
    const rooms = [...this.#rooms.values()].filter((room) => room.keep && room.phase === Phase.live && due(room));
    this.#filler?.sweep(rooms).catch((error: unknown) => this.#link.log.warn({ err: error }, 'rooms could not be checked'));
  }
}
