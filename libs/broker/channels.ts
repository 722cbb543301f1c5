/** The subscriptions of this node to channels of Redis. */
import calculateSlot from 'cluster-key-slot';
import { HubError } from '#libs/protocol/errors.ts';
import type { RedisMaster } from '#libs/redis/master.ts';
import type { RedisLink } from '#libs/redis/redis-link.ts';
import type { Topic } from './broker.ts';
import { Feed, type Waiter } from './feed.ts';
import { RoomSequence } from './room-sequence.ts';

/** The receiver of a channel's messages: a room, or the topic of a user. */
export type ChannelOwner = RoomSequence | Topic;

/** Gets the messages of channels, and changes of connections. */
export interface ChannelsHost {
  signal(topic: Topic, payload: Buffer): void;
  /**
   * The subscriber and the command connection of a master are both up, one of them again. All of
   * its rooms must be compared.
   */
  restored(master: RedisMaster): void;
  /**
   * The command connection of a master broke. Nothing can be published or read there; messages may
   * still arrive.
   */
  commandLost(master: RedisMaster): void;
  /** The subscriber of a master broke. Messages of its channels are missed from now on. */
  subscriberLost(master: RedisMaster): void;
  /**
   * These channels moved to another master and are subscribed there. Messages in between were
   * missed.
   */
  resubscribed(owners: readonly ChannelOwner[]): void;
  reconnect(): void;
  lag(seconds: number): void;
}

/** Milliseconds after which a subscription without an acknowledgement fails. */
const PATIENCE_MS = 5000;
/**
 * Milliseconds after which refused channels are subscribed again, on the master that the Cluster's
 * map names then.
 */
const RESUBSCRIBE_MS = 100;

/** The channels of this node, each on the feed of its master. */
export class Channels {
  readonly #link: RedisLink;
  readonly #host: ChannelsHost;
  readonly #probeEveryMs: number;
  readonly #owners = new Map<string, ChannelOwner>();
  readonly #waiters = new Map<string, Waiter>();
  readonly #feeds = new Map<string, Feed>();
  readonly #seen = new Set<string>();
  readonly #refusedChannels = new Set<string>();
  #closed = false;

  constructor(link: RedisLink, host: ChannelsHost, probeEveryMs: number) {
    this.#link = link;
    this.#host = host;
    this.#probeEveryMs = probeEveryMs;
    link.on('up', this.#onUp);
    link.on('down', this.#onDown);
    link.on('moved', this.#onMoved);
    for (const master of link.masters()) if (master.up) this.#onUp(master);
  }

  /** Whether every master is up and its feed too. */
  get whole(): boolean {
    return this.#link.whole && this.#link.masters().every((master) => this.#feeds.get(master.id)?.up);
  }

  /** The owners of channels on a master, each once. */
  ownersOn(master: RedisMaster): Set<ChannelOwner> {
    const owners = new Set<ChannelOwner>();
    for (const [channel, owner] of this.#owners) if (this.#isOn(master, channel)) owners.add(owner);
    return owners;
  }

  /** The owners of all channels, each once. */
  owners(): Set<ChannelOwner> {
    return new Set(this.#owners.values());
  }

  /** Whether the channel is wanted, acknowledged or not. */
  has(channel: string): boolean {
    return this.#owners.has(channel);
  }

  /**
   * Subscribes to a channel, also if it is subscribed already. Resolves when the server
   * acknowledged it. Rejects with `UNAVAILABLE` after five seconds.
   */
  add(channel: string, owner: ChannelOwner): Promise<void> {
    if (this.#closed) return Promise.reject(new HubError('UNAVAILABLE', 'The broker is closed.'));
    this.#owners.set(channel, owner);
    const waiter = this.#waiters.get(channel) ?? this.#wait(channel);
    this.#feedOf(channel)?.add(channel, waiter);
    return waiter.promise;
  }

  /** Ends a subscription. Its messages are dropped from now on. */
  remove(channel: string): void {
    if (!this.#owners.delete(channel)) return;
    this.#waiters.get(channel)?.reject(new HubError('UNAVAILABLE', 'Unsubscribed meanwhile.'));
    this.#feedOf(channel)?.remove(channel);
  }

  /** Ends all subscriptions. Waiting calls of `add` reject with `UNAVAILABLE`. */
  close(): void {
    this.#closed = true;
    this.#link.off('up', this.#onUp);
    this.#link.off('down', this.#onDown);
    this.#link.off('moved', this.#onMoved);
    for (const feed of this.#feeds.values()) feed.close();
    for (const waiter of this.#waiters.values()) waiter.reject(new HubError('UNAVAILABLE', 'The broker is closed.'));
    this.#owners.clear();
  }

  readonly #onUp = (master: RedisMaster): void => {
    if (this.#seen.has(master.id)) this.#host.reconnect();
    this.#seen.add(master.id);
    const feed = this.#feeds.get(master.id);
    if (feed === undefined) this.#feeds.set(master.id, this.#feed(master));
    else if (feed.follow()) this.#host.restored(master);
  };

  readonly #onDown = (master: RedisMaster): void => {
    this.#host.commandLost(master);
    this.#dropFeeds();
  };

  readonly #onMoved = (slots: ReadonlySet<number>): void => {
    this.#dropFeeds();
    this.#resubscribe([...this.#owners.keys()].filter((channel) => slots.has(calculateSlot(channel))));
  };

  /** Closes the feeds of masters that a Cluster no longer has. */
  #dropFeeds(): void {
    const masters = new Set(this.#link.masters().map((master) => master.id));
    for (const [id, feed] of this.#feeds) {
      if (masters.has(id)) continue;
      feed.close();
      this.#feeds.delete(id);
      this.#seen.delete(id);
    }
  }

  #feed(master: RedisMaster): Feed {
    let before = false;
    return new Feed(
      this.#link,
      master,
      {
        wanted: (of) => this.#wanted(of),
        message: (channel, payload) => this.#onMessage(channel, payload),
        refused: (channels) => this.#refused(channels),
        feedUp: () => {
          if (before) this.#host.reconnect();
          before = true;
          this.#host.restored(master);
        },
        feedDown: () => this.#host.subscriberLost(master),
        lag: (seconds) => this.#host.lag(seconds),
      },
      this.#probeEveryMs,
    );
  }

  #onMessage(channel: string, payload: Buffer): boolean {
    const owner = this.#owners.get(channel);
    if (owner === undefined) return false;
    if (owner instanceof RoomSequence) owner.accept(payload);
    else this.#host.signal(owner, payload);
    return true;
  }

  *#wanted(master: RedisMaster): Iterable<readonly [string, Waiter | undefined]> {
    for (const channel of this.#owners.keys()) if (this.#isOn(master, channel)) yield [channel, this.#waiters.get(channel)];
  }

  /**
   * A master refused the channels because it does not have their slots: the Cluster's map is out of
   * date.
   */
  #refused(channels: readonly string[]): void {
    if (this.#refusedChannels.size === 0) {
      setTimeout(() => {
        const channels = [...this.#refusedChannels];
        this.#refusedChannels.clear();
        if (!this.#closed) this.#resubscribe(channels.filter((channel) => this.#owners.has(channel)));
      }, RESUBSCRIBE_MS).unref();
    }
    for (const channel of channels) {
      this.#refusedChannels.add(channel);
      const owner = this.#owners.get(channel);
      if (owner instanceof RoomSequence) owner.interrupt();
    }
    this.#link.refresh();
  }

  /** Subscribes on the present masters of the channels, then reports them. */
  #resubscribe(channels: readonly string[]): void {
    if (channels.length === 0) return;
    const done: ChannelOwner[] = [];
    const waits = channels.map(async (channel) => {
      const owner = this.#owners.get(channel);
      if (owner === undefined) return;
      if (owner instanceof RoomSequence) owner.interrupt();
      try {
        await this.add(channel, owner);
        done.push(owner);
      } catch {
        if (this.#owners.get(channel) === owner) this.#refused([channel]);
      }
    });
    // None of them rejects.
    void Promise.all(waits).then(() => {
      if (!this.#closed && done.length > 0) this.#host.resubscribed(done);
    });
  }

  #wait(channel: string): Waiter {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => waiter.reject(new HubError('UNAVAILABLE', 'Redis did not take the subscription in time.')), PATIENCE_MS);
    const settle = (): void => {
      clearTimeout(timer);
      if (this.#waiters.get(channel) === waiter) this.#waiters.delete(channel);
    };
    const waiter: Waiter = {
      promise,
      resolve: () => {
        settle();
        resolve();
      },
      reject: (error) => {
        settle();
        reject(error);
      },
    };
    this.#waiters.set(channel, waiter);
    return waiter;
  }

  #isOn(master: RedisMaster, channel: string): boolean {
    return !this.#link.isCluster || this.#link.masterOf(channel)?.id === master.id;
  }

  #feedOf(channel: string): Feed | undefined {
    const master = this.#link.masterOf(channel);
    return master === undefined ? undefined : this.#feeds.get(master.id);
  }
}
