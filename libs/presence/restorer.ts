import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { HubError } from '#libs/protocol/errors.ts';
import { RECONNECT_PAUSE_MAX_MS } from '#libs/redis/redis-clients.ts';
import type { RedisLink } from '#libs/redis/redis-link.ts';
import type { Incarnations } from './incarnations.ts';
import type { KeyedQueue } from './keyed-queue.ts';
import type { Lease } from './lease.ts';
import type { OnlineCount } from './online-count.ts';
import type { PresenceConnection, PresenceSource, PresenceUser } from './presence.ts';
import { type PresenceScripts, REAPED } from './presence-scripts.ts';
import type { Reaper } from './reaper.ts';

/** Entries put back in one turn of the event loop. */
const BATCH = 250;
/** Milliseconds between attempts, and milliseconds that one attempt waits for Redis. */
const RETRY_MS = 250;
const READY_MS = 1000;
/** Milliseconds that a node needs to connect and put its users back, for `countHold`. */
const RESTORE_MS = 500;

export interface RestorerOptions {
  readonly link: RedisLink;
  readonly scripts: PresenceScripts;
  readonly incarnations: Incarnations;
  readonly lease: Lease;
  readonly reaper: Reaper;
  readonly online: OnlineCount;
  /** Operations on connections by id, on (room, user) pairs by `roomKey`. */
  readonly connections: KeyedQueue;
  readonly rooms: KeyedQueue;
  /**
   * Milliseconds the count is held after Redis lost data, for the other nodes to put theirs back
   * too.
   */
  readonly holdMs: number;
  readonly restored: (connections: number) => void;
}

/**
 * Milliseconds for which the count is held after this node has put its users back. Other nodes may
 * reconnect a whole pause later, and need time to do the same. Half a renewal if that is longer.
 */
export function countHold(renewMs: number): number {
  return Math.max(renewMs / 2, RECONNECT_PAUSE_MAX_MS + RESTORE_MS);
}

export function roomKey(room: string, user: PresenceUser): string {
  return `${room} ${user.id}`;
}

/**
 * Puts all entries of this node back under a new incarnation if the present one is *invalid*: it
 * was reaped, Redis lost it, or the effect of an operation is unknown.
 *
 * The result is exact although operations go on meanwhile:
 * 1. The new incarnation takes its lease. Operations run under it from then on, and the caller of
 *   an operation that was
 *    under way under the old one repeats it.
 * 2. A snapshot of the source is taken. Each entry is put back in the queue of its key, unless an
 *   operation on the key is
 *    under way or came since: that one is newer.
 * 3. The old incarnation is removed as a whole.
 */
export class Restorer {
  readonly #options: RestorerOptions;
  #source: PresenceSource | undefined;
  /** The server process (`run_id`) of each shard at the start of the present incarnation. */
  #servers: readonly (string | undefined)[] = [];
  #invalid = false;
  /** Redis lost data since the last good state. No user came or went, so none is announced. */
  #silent = false;
  /** Redis time of the last good renewal before the trouble. */
  #goodAt: number | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(options: RestorerOptions) {
    this.#options = options;
  }

  /** Starts the first incarnation. Rejects with `UNAVAILABLE`. */
  async start(source: PresenceSource): Promise<void> {
    const { incarnations, lease } = this.#options;
    const servers = this.#readServers();
    const first = incarnations.next();
    await lease.take(first, false);
    this.#servers = servers;
    this.#source = source;
    incarnations.use(first);
  }

  /** Resolves when no restore is under way. None starts afterwards. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#options.incarnations.wake();
    await this.#running;
  }

  /**
   * Marks the present incarnation as invalid: a new one starts as soon as Redis can be reached.
   * `silent`: users are not announced.
   */
  invalidate(silent: boolean): void {
    if (this.#stopped || this.#source === undefined) return;
    this.#silent ||= silent;
    this.#goodAt ??= this.#options.lease.renewedAt;
    this.#invalid = true;
    this.#running ??= this.#run(this.#source);
  }

  /**
   * Invalidates the incarnation if another server process serves a shard than before: its data may
   * be older.
   */
  checkServers(): void {
    if (this.#source === undefined) return;
    const now = this.#readServers();
    if (now.some((runId, shard) => runId !== undefined && runId !== this.#servers[shard])) this.invalidate(true);
  }

  #readServers(): (string | undefined)[] {
    const { link } = this.#options;
    return Array.from({ length: link.keys.presenceShards }, (_, shard) => link.masterOf(link.keys.tombstones(shard))?.runId || undefined);
  }

  async #run(source: PresenceSource): Promise<void> {
    const { link, incarnations } = this.#options;
    while (this.#invalid && !this.#stopped) {
      try {
        await link.ready(READY_MS);
        if (this.#stopped) break;
        this.#invalid = false;
        await this.#restore(source, this.#silent);
      } catch (error) {
        this.#invalid = true;
        link.log.warn({ err: error }, 'presence cannot be restored yet: this node goes on trying');
        await incarnations.changed(RETRY_MS);
      }
      if (this.#invalid) continue;
      this.#silent = false;
      this.#goodAt = undefined;
    }
    this.#running = undefined;
  }

  async #restore(source: PresenceSource, silent: boolean): Promise<void> {
    const { incarnations, lease, reaper, online, connections, rooms, scripts, link } = this.#options;
    this.#servers = this.#readServers();
    if (silent) online.hold();
    const node = incarnations.next();
    await lease.take(node, silent);
    const goodAt = this.#goodAt ?? 0;
    incarnations.use(node);
    // Operations that were answered under the old incarnation leave their queues here. Later ones
    // see the new one.
    await turn();
    // No await between `record` and the two snapshots: every later operation counts as newer.
    connections.record();
    rooms.record();
    const living = [...source.connections()];
    const inside = [...source.rooms()];
    try {
      await this.#putBack(living, (connection) => this.#putConnection(node, connection, goodAt));
      await this.#putBack(inside, ({ room, user }) => this.#putUser(node, room, user, !silent));
    } finally {
      connections.stopRecording();
      rooms.stopRecording();
    }
    for (const former of incarnations.former) {
      await reaper.reap(former, 'own', silent ? 'counted' : 'left');
      incarnations.forget(former);
    }
    if (silent) await this.#putBack([...new Set(inside.map(({ room }) => room))], (room) => scripts.recount(room));
    link.log.info({ incarnation: node, connections: living.length, silent }, 'presence is restored');
    this.#options.restored(living.length);
    if (silent) this.#releaseCount();
  }

  /** Runs `put` on all, some in each turn of the event loop. */
  async #putBack<T>(entries: readonly T[], put: (entry: T) => Promise<void>): Promise<void> {
    for (let at = 0; at < entries.length; at += BATCH) {
      if (this.#invalid || this.#stopped) throw new HubError('UNAVAILABLE', 'Redis is away again.');
      // All have to settle before a failure counts: the next restore would take queued entries for
      // newer ones.
      const done = await Promise.allSettled(entries.slice(at, at + BATCH).map(put));
      for (const one of done) if (one.status === 'rejected') throw one.reason;
    }
  }

  async #putConnection(node: string, connection: PresenceConnection, goodAt: number): Promise<void> {
    const { connections, scripts } = this.#options;
    if (connections.isNewer(connection.id)) return;
    await connections.run(connection.id, async () => accepted(await scripts.connect(node, connection, goodAt)));
  }

  async #putUser(node: string, room: string, user: PresenceUser, announce: boolean): Promise<void> {
    const { rooms, scripts } = this.#options;
    const key = roomKey(room, user);
    if (rooms.isNewer(key)) return;
    await rooms.run(key, async () => accepted(await scripts.enter(node, room, user, announce)));
  }

  #releaseCount(): void {
    const { online, holdMs } = this.#options;
    void delay(holdMs, undefined, { ref: false }).then(() => {
      // After another loss the count is held again, and that restore releases it.
      if (!this.#silent) online.release();
    });
  }
}

function accepted(reply: number): void {
  if (reply === REAPED) throw new HubError('UNAVAILABLE', 'This node counts as dead again.');
}
