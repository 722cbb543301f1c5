/** The subscriber connection to one master, with its probe. */
import calculateSlot from 'cluster-key-slot';
import type { RedisMaster } from '#libs/redis/master.ts';
import type { RedisLink } from '#libs/redis/redis-link.ts';
import { Subscriber } from '#libs/redis/subscriber.ts';
import { Probe } from './probe.ts';

/** Settles when the subscription to a channel is acknowledged or fails. */
export interface Waiter {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

/** Gets the messages of a feed, and changes of its connection. */
export interface FeedHost {
  /** Returns the channels wanted from this master, each with its waiter. */
  wanted(master: RedisMaster): Iterable<readonly [channel: string, waiter: Waiter | undefined]>;
  /** A message. Returns false if nobody wants the channel. */
  message(channel: string, payload: Buffer): boolean;
  /** The master refused the channels or ended them: another master has their slots now. */
  refused(channels: readonly string[]): void;
  /** The feed is connected, and every wanted channel is acknowledged. */
  feedUp(feed: Feed): void;
  /** The connection broke. Messages are missed from now on. */
  feedDown(feed: Feed): void;
  /** The seconds of a probe's round trip. */
  lag(seconds: number): void;
}

/**
 * Channels in one SUBSCRIBE. Such a command takes Redis about a millisecond; Redis can serve other
 * clients between two of them.
 */
const CHUNK = 2000;
const RETRY_MS = 100;
const LONGEST_RETRY_MS = 1000;

/**
 * The subscriber of one master. It is connected, or connecting, to the same server process as the
 * command connection.
 *
 * It subscribes once for each event-loop turn, in batches. After a reconnect it asks its host for
 * all wanted channels.
 */
export class Feed {
  readonly master: RedisMaster;
  up = false;
  readonly #link: RedisLink;
  readonly #host: FeedHost;
  readonly #probe: Probe;
  #subscriber: Subscriber | undefined;
  #connecting = false;
  #closed = false;
  #adds = new Map<string, Waiter | undefined>();
  #removes = new Set<string>();
  #flushing = false;

  constructor(link: RedisLink, master: RedisMaster, host: FeedHost, probeEveryMs: number) {
    this.#link = link;
    this.master = master;
    this.#host = host;
    this.#probe = new Probe(link, master, probeEveryMs, {
      bytesRead: () => this.#subscriber?.bytesRead ?? 0,
      lag: (seconds) => host.lag(seconds),
      dead: (reason) => this.restart(reason),
      moved: () => this.restart('the probe has no slot here any more'),
    });
    this.kick();
  }

  /**
   * Call it when the command connection came up. Connects to the same server. Returns true if this
   * feed is up already.
   */
  follow(): boolean {
    if (this.#subscriber !== undefined && this.#subscriber.runId !== this.master.runId) this.restart('the master is another server now');
    this.kick();
    return this.up;
  }

  /** Connects, unless it is connected or connecting. */
  kick(): void {
    if (this.#connecting || this.#closed || this.#subscriber !== undefined) return;
    this.#connecting = true;
    // Never rejects: it retries until it is connected or closed.
    void this.#connect().finally(() => {
      this.#connecting = false;
      if (this.#subscriber === undefined && this.master.up) this.kick();
    });
  }

  /** Closes the connection and makes a new one. */
  restart(reason: string): void {
    if (this.#closed || this.#subscriber === undefined) return;
    this.#link.log.warn({ master: this.master.id, reason }, 'redis subscriber rebuilt');
    this.#subscriber.destroy();
    this.#onClose(this.#subscriber);
  }

  /**
   * Subscribes in the batch of this turn. Does nothing while not connected: connecting subscribes
   * to everything wanted.
   */
  add(channel: string, waiter: Waiter | undefined): void {
    this.#removes.delete(channel);
    if (this.#subscriber === undefined) return;
    this.#adds.set(channel, waiter);
    this.#schedule();
  }

  /** Unsubscribes in the batch of this turn. */
  remove(channel: string): void {
    this.#adds.delete(channel);
    if (this.#subscriber === undefined) return;
    this.#removes.add(channel);
    this.#schedule();
  }

  /** Closes the connection for good. */
  close(): void {
    this.#closed = true;
    this.up = false;
    this.#probe.stop();
    this.#subscriber?.destroy();
    this.#subscriber = undefined;
  }

  #schedule(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#flush().catch((error: unknown) => this.restart(error instanceof Error ? error.message : String(error)));
    });
  }

  async #connect(): Promise<void> {
    let pause = RETRY_MS;
    while (!this.#closed && this.master.up) {
      try {
        await this.#attach();
        return;
      } catch (error) {
        this.#link.log.warn({ master: this.master.id, err: error }, 'redis subscriber not connected');
        this.#subscriber?.destroy();
        this.#subscriber = undefined;
        await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random() / 2)));
        pause = Math.min(pause * 2, LONGEST_RETRY_MS);
      }
    }
  }

  async #attach(): Promise<void> {
    const { host, port, runId, serverName } = this.master;
    const subscriber: Subscriber = await Subscriber.connect({
      target: this.#link.target,
      address: { host, port },
      serverName,
      timeoutMs: this.#link.commandTimeoutMs,
      onMessage: (channel, payload) => {
        if (!this.#host.message(channel, payload)) this.#probe.echoed(channel, payload);
      },
      onLost: (channel) => this.#host.refused([channel]),
      onClose: () => this.#onClose(subscriber),
    });
    if (this.#closed || subscriber.runId !== runId) {
      subscriber.destroy();
      if (this.#closed) return;
      throw new Error('The subscriber reached another server than the commands.');
    }
    this.#subscriber = subscriber;
    this.#removes.clear();
    this.#adds = new Map(this.#host.wanted(this.master));
    this.#adds.set(this.#probe.channel(), undefined);
    const settled = this.#watch(subscriber);
    try {
      await this.#flush();
    } finally {
      settled();
    }
    if (this.#subscriber !== subscriber) throw new Error('The subscriber broke while it subscribed.');
    this.up = true;
    this.#probe.start();
    this.#host.feedUp(this);
  }

  /**
   * Closes a subscriber that reads nothing while acknowledgements are due: the probe starts only
   * later. Returns a function that ends this watch.
   */
  #watch(subscriber: Subscriber): () => void {
    let read = subscriber.bytesRead;
    const timer = setInterval(() => {
      const silent = subscriber.bytesRead === read;
      read = subscriber.bytesRead;
      if (!silent) return;
      if (this.#subscriber === subscriber) this.#subscriber = undefined;
      subscriber.destroy();
    }, this.#link.commandTimeoutMs);
    return () => clearInterval(timer);
  }

  /**
   * Sends the batch of this turn. Resolves when everything is acknowledged; rejects if the
   * connection broke before. Reports refused channels to the host.
   */
  async #flush(): Promise<void> {
    const subscriber = this.#subscriber;
    if (subscriber === undefined) return;
    const removes = this.#batches([...this.#removes]);
    const adds = this.#adds;
    this.#removes = new Set();
    this.#adds = new Map();
    for (const batch of removes) subscriber.unsubscribe(batch).catch(() => undefined);
    await Promise.all(
      this.#batches([...adds.keys()]).map(async (batch) => {
        try {
          await subscriber.subscribe(batch);
          for (const channel of batch) adds.get(channel)?.resolve();
        } catch (error) {
          if (this.#subscriber !== subscriber || !isElsewhere(error)) throw error;
          this.#host.refused(batch.filter((channel) => channel !== this.#probe.channel()));
        }
      }),
    );
  }

  /** Groups channels for one command each. On a Cluster a group has one slot. */
  #batches(channels: readonly string[]): string[][] {
    const groups = this.#link.isCluster ? Object.values(Object.groupBy(channels, (channel) => calculateSlot(channel))) : [channels];
    return groups.flatMap((group = []) =>
      Array.from({ length: Math.ceil(group.length / CHUNK) }, (_, i) => group.slice(i * CHUNK, (i + 1) * CHUNK)),
    );
  }

  #onClose(subscriber: Subscriber): void {
    if (this.#subscriber !== subscriber) return;
    this.#subscriber = undefined;
    this.#probe.stop();
    if (this.up) {
      this.up = false;
      this.#host.feedDown(this);
    }
    this.kick();
  }
}

/** Whether a master refuses because another one has the slot, or will have it. */
function isElsewhere(error: unknown): boolean {
  return error instanceof Error && /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN|CROSSSLOT) /.test(error.message);
}
