import { randomBytes } from 'node:crypto';
import { HubError } from '#libs/protocol/errors.ts';
import type { RedisLink } from '#libs/redis/redis-link.ts';
import { FirstIds } from './first-ids.ts';
import { Incarnations, nodeOfIncarnation } from './incarnations.ts';
import { KeyedQueue } from './keyed-queue.ts';
import { Lease } from './lease.ts';
import { OnlineCount } from './online-count.ts';
import type { ConnectResult, Presence, PresenceConnection, PresenceListener, PresenceSource, PresenceUser } from './presence.ts';
import { PresenceScripts, REAPED, REPLACED } from './presence-scripts.ts';
import { Reaper } from './reaper.ts';
import { countHold, Restorer, roomKey } from './restorer.ts';

export interface PresenceRedisOptions {
  /** This node's id, without spaces. */
  readonly node: string;
  /** Milliseconds after its last renewal that a node counts as dead. Default 6,000. */
  readonly leaseMs?: number;
  /** Milliseconds between renewals. Default 2,000: a third of the lease or less. */
  readonly renewMs?: number;
  /** Milliseconds between polls of the online count. Default 250. */
  readonly pollMs?: number;
  /** Milliseconds that `connect` and `enter` wait for a Redis that is away. Default 4,000. */
  readonly patienceMs?: number;
  /** Distinguishes two starts under one node id. Default: random. */
  readonly boot?: string;
  readonly observe?: {
    /** A dead node's connections were removed by this node. */
    reaped?(connections: number): void;
    /** This node's living connections were put back. */
    restored?(connections: number): void;
  };
}

/** Members that one `SSCAN` looks at, about. */
const SCAN_COUNT = 1000;
/** Milliseconds between attempts of an operation while Redis is away. */
const RETRY_MS = 100;

/**
 * Presence over Redis: sets guarded by node leases (P1-P3). A connection takes memory only while an
 * operation on it runs.
 *
 * An operation whose effect is unknown is never repaired on its own. It invalidates the node's
 * incarnation: all living connections are put back under a new one, and the old one is removed as a
 * whole (see `Restorer`).
 */
export class PresenceRedis implements Presence {
  readonly #link: RedisLink;
  readonly #scripts: PresenceScripts;
  readonly #incarnations: Incarnations;
  readonly #online: OnlineCount;
  readonly #lease: Lease;
  readonly #reaper: Reaper;
  readonly #restorer: Restorer;
  readonly #connections = new KeyedQueue();
  readonly #rooms = new KeyedQueue();
  readonly #reaping = new Set<string>();
  readonly #observe: NonNullable<PresenceRedisOptions['observe']>;
  readonly #patienceMs: number;
  #closed = false;

  /** The link stays the caller's to close. */
  constructor(link: RedisLink, options: PresenceRedisOptions) {
    const {
      node,
      leaseMs = 6000,
      renewMs = 2000,
      pollMs = 250,
      patienceMs = 4000,
      boot = randomBytes(3).toString('hex'),
      observe = {},
    } = options;
    if (renewMs * 3 > leaseMs)
      throw new RangeError('renewMs must be at most a third of leaseMs: one lost renewal must not cost the lease.');
    const graceMs = renewMs * 2;
    this.#link = link;
    this.#observe = observe;
    this.#patienceMs = patienceMs;
    this.#scripts = new PresenceScripts(link);
    this.#incarnations = new Incarnations(node, boot);
    this.#online = new OnlineCount(link, pollMs);
    this.#reaper = new Reaper(this.#scripts, { shards: link.keys.presenceShards, claimMs: leaseMs / 2, graceMs });
    this.#lease = new Lease(this.#scripts, {
      leaseMs,
      renewMs,
      graceMs,
      gone: (how) => this.#restorer.invalidate(how === 'lost'),
      held: () => this.#restorer.checkServers(),
      expired: (other) => void this.#reap(other),
    });
    this.#restorer = new Restorer({
      link,
      scripts: this.#scripts,
      incarnations: this.#incarnations,
      lease: this.#lease,
      reaper: this.#reaper,
      online: this.#online,
      connections: this.#connections,
      rooms: this.#rooms,
      holdMs: countHold(renewMs),
      restored: (connections) => observe.restored?.(connections),
    });
  }

  async start(listener: PresenceListener, source: PresenceSource): Promise<void> {
    await this.#link.ready(this.#patienceMs);
    await this.#restorer.start(source);
    this.#link.on('up', this.#onUp);
    this.#link.on('moved', this.#onMoved);
    this.#lease.start();
    await this.#online.start((count) => listener.online(count));
  }

  async connect(connection: PresenceConnection): Promise<ConnectResult> {
    const reply = await this.#connections.run(connection.id, () => this.#add((node) => this.#scripts.connect(node, connection)));
    if (reply === REPLACED) return 'replaced';
    this.#online.note(this.#link.keys.shardOfUser(connection.user.id), reply);
    return 'ok';
  }

  async disconnect(connection: PresenceConnection): Promise<void> {
    const reply = await this.#connections.run(connection.id, () => this.#remove((node) => this.#scripts.disconnect(node, connection)));
    if (reply !== undefined) this.#online.note(this.#link.keys.shardOfUser(connection.user.id), reply);
  }

  enter(room: string, user: PresenceUser): Promise<number> {
    return this.#rooms.run(roomKey(room, user), () => this.#add((node) => this.#scripts.enter(node, room, user, true)));
  }

  async leave(room: string, user: PresenceUser): Promise<void> {
    await this.#rooms.run(roomKey(room, user), () => this.#remove((node) => this.#scripts.leave(node, room, user.id)));
  }

  online(): Promise<number> {
    return this.#online.ask();
  }

  get onlineCount(): number {
    return this.#online.value;
  }

  room(room: string, limit: number): Promise<{ readonly count: number; readonly users: readonly PresenceUser[] }> {
    return this.#scripts.room(room, limit);
  }

  counts(rooms: readonly string[]): Promise<number[]> {
    return Promise.all(
      rooms.map(async (room) => {
        const key = this.#link.keys.roomUsers(room);
        return Number(await this.#link.command(key, 'HLEN', key));
      }),
    );
  }

  sessions(users: readonly string[]): Promise<number[]> {
    return Promise.all(
      users.map(async (user) => {
        const key = this.#link.keys.connections(user);
        return Number(await this.#link.command(key, 'HLEN', key));
      }),
    );
  }

  nodesOf(users: readonly string[]): Promise<readonly (readonly string[])[]> {
    return Promise.all(
      users.map(async (user) => {
        const key = this.#link.keys.connections(user);
        const fields = await this.#link.command(key, 'HKEYS', key);
        return Array.isArray(fields) ? fields.map((field) => nodeOfIncarnation(String(field))) : [];
      }),
    );
  }

  async page(after: string, limit: number): Promise<{ readonly users: readonly string[]; readonly more: boolean }> {
    const { keys } = this.#link;
    const first = new FirstIds(after, limit);
    await Promise.all(Array.from({ length: keys.presenceShards }, (_, shard) => this.#scan(keys.online(shard), first)));
    return first.page();
  }

  /** Scans in batches, so that Redis can serve other clients between them. */
  async #scan(key: string, into: FirstIds): Promise<void> {
    let cursor = '0';
    do {
      const reply = await this.#link.command(key, 'SSCAN', key, cursor, 'COUNT', SCAN_COUNT);
      const [next, ids] = Array.isArray(reply) ? reply : [];
      if (!Array.isArray(ids)) throw new TypeError('Redis answered SSCAN without members.');
      into.add(ids.map(String));
      cursor = String(next);
    } while (cursor !== '0');
  }

  async sample(limit: number): Promise<string[]> {
    const { keys } = this.#link;
    const shards = await Promise.all(
      Array.from({ length: keys.presenceShards }, async (_, shard) => {
        const key = keys.online(shard);
        const users = await this.#link.command(key, 'SRANDMEMBER', key, limit);
        return Array.isArray(users) ? users.map(String) : [];
      }),
    );
    const users = shards.flat();
    for (let index = users.length - 1; index > 0; index -= 1) {
      const other = Math.floor(Math.random() * (index + 1));
      [users[index], users[other]] = [users[other] ?? '', users[index] ?? ''];
    }
    return users.slice(0, limit);
  }

  async outdated(connections: readonly PresenceConnection[]): Promise<PresenceConnection[]> {
    const users = [...new Set(connections.filter(({ login }) => login !== undefined).map(({ user }) => user.id))];
    const newest = new Map<string, string>();
    await Promise.all(
      users.map(async (user) => {
        const key = this.#link.keys.logins(user);
        const reply = await this.#link.command(key, 'ZRANGE', key, -1, -1);
        if (Array.isArray(reply) && reply.length > 0) newest.set(user, String(reply[0]));
      }),
    );
    return connections.filter(({ user, login }) => login !== undefined && newest.has(user.id) && newest.get(user.id) !== login);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#link.off('up', this.#onUp);
    this.#link.off('moved', this.#onMoved);
    this.#online.stop();
    this.#lease.stop();
    await this.#restorer.stop();
    const own = [...this.#incarnations.former, this.#incarnations.current].filter((id) => id !== '');
    const done = await Promise.allSettled(own.map((id) => this.#reaper.reap(id, 'own', 'left')));
    for (const { reason } of done.filter((one) => one.status === 'rejected')) {
      this.#link.log.warn({ err: reason }, 'presence of this node is not removed: another node removes it once the lease has expired');
    }
  }

  /**
   * Runs an operation that adds, until it took effect under the present incarnation. Rejects with
   * `UNAVAILABLE` after `patienceMs`.
   */
  async #add(attempt: (node: string) => Promise<number>): Promise<number> {
    const startedAt = performance.now();
    for (;;) {
      if (this.#closed) throw new HubError('UNAVAILABLE', 'Presence is closed.');
      const node = this.#incarnations.current;
      let failure: unknown;
      try {
        const reply = await attempt(node);
        if (node !== this.#incarnations.current) continue;
        if (reply !== REAPED) return reply;
        failure = new HubError('UNAVAILABLE', 'This node counted as dead and comes back: try again.');
      } catch (error) {
        failure = error;
      }
      this.#restorer.invalidate(false);
      const left = this.#patienceMs - (performance.now() - startedAt);
      if (left <= 0) throw HubError.from(failure);
      await this.#incarnations.changed(Math.min(left, RETRY_MS));
    }
  }

  /**
   * Runs an operation that removes. If it fails, the restore repairs it: the source does not have
   * the entry any more. It is not repeated under a newer incarnation either: while it is under way,
   * the restore does not put its key back.
   */
  async #remove(attempt: (node: string) => Promise<number>): Promise<number | undefined> {
    if (this.#closed) return undefined;
    try {
      return await attempt(this.#incarnations.current);
    } catch {
      this.#restorer.invalidate(false);
      return undefined;
    }
  }

  async #reap(node: string): Promise<void> {
    if (this.#reaping.has(node) || this.#closed) return;
    this.#reaping.add(node);
    try {
      const connections = await this.#reaper.reap(node, 'expired', 'left');
      // A lease without sessions is left by a restore that Redis interrupted.
      if (connections === undefined || connections === 0) return;
      this.#link.log.warn({ dead: node, connections }, 'a node is dead: its connections are removed');
      this.#observe.reaped?.(connections);
    } catch (error) {
      this.#link.log.warn({ err: error, dead: node }, 'a dead node is removed only in part: a node goes on once the claim has expired');
    } finally {
      this.#reaping.delete(node);
    }
  }

  readonly #onUp = (): void => {
    this.#restorer.checkServers();
    void this.#lease.renew();
  };

  readonly #onMoved = (): void => this.#restorer.checkServers();
}
