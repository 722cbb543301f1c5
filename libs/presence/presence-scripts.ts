import { failPoint } from '#libs/config/fail-point.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { personJson } from '#libs/protocol/server-frame.ts';
import { signalHead } from '#libs/protocol/signals.ts';
import { loadScript, type RedisLink, type Script } from '#libs/redis/redis-link.ts';
import type { PresenceConnection, PresenceUser } from './presence.ts';
import { EDGE_LIMITS } from './presence-edges.ts';

function load(name: string, constants: Readonly<Record<string, string | number>> = {}): Script {
  return loadScript(new URL(`./lua/${name}.lua`, import.meta.url), constants);
}

const EDGES_MAX = EDGE_LIMITS.max;
const CONNECT = load('connect', { EDGES_MAX, NEW_LOGIN: signalHead('login') });
const DISCONNECT = load('disconnect', { EDGES_MAX });
const ENTER = load('enter', { EDGES_MAX, ENTERED: signalHead('entered') });
const LEAVE = load('leave', { EDGES_MAX, LEFT: signalHead('left') });
const ROOM = load('room');
const RECOUNT = load('recount', { COUNTED: signalHead('counted') });
const RENEW = load('renew');
const CLAIM = load('claim');
const TOMBSTONE = load('tombstone');
const REAP_CONNECTIONS = load('reap-connections', { EDGES_MAX });
const REAP_ROOMS = load('reap-rooms', { EDGES_MAX, LEFT: signalHead('left'), COUNTED: signalHead('counted') });

/** Reply of a script to a node that was reaped. */
export const REAPED = -1;
/** Reply of a connect whose user has a newer login. */
export const REPLACED = -2;

/** A frozen process may write after hours. A tombstone takes about 40 bytes. */
const TOMBSTONE_MS = 24 * 3_600_000;

/**
 * Why a node is claimed: its lease expired, it is the caller's own id, or the caller renews its
 * claim.
 */
export type ClaimKind = 'expired' | 'own' | 'hold';

/** The signals of a reap: `left` for each user who left a room, or only `counted` for each room. */
export type ReapSignal = 'left' | 'counted';

export type Renewal =
  | {
      readonly state: 'held';
      readonly now: number;
      readonly since: string;
      readonly nodes: readonly string[];
      readonly expired: readonly string[];
    }
  | { readonly state: 'reaped' | 'lost' };

/**
 * The scripts of presence with their KEYS and ARGV: see the head of each file in `lua/`. All reject
 * with `UNAVAILABLE`; the effect is then unknown.
 */
export class PresenceScripts {
  readonly #link: RedisLink;
  readonly #publish: 'PUBLISH' | 'SPUBLISH';

  constructor(link: RedisLink) {
    this.#link = link;
    this.#publish = link.isCluster ? 'SPUBLISH' : 'PUBLISH';
  }

  /**
   * Resolves with the users online in the shard, `REAPED` or `REPLACED`.
   * @param restoredAt Set when a living connection is put back: the number (ms of Redis time) of
   *   its login where Redis forgot that.
   */
  async connect(node: string, { id, user, login }: PresenceConnection, restoredAt?: number): Promise<number> {
    const { keys } = this.#link;
    const shard = keys.shardOfUser(user.id);
    const names = [
      keys.tombstones(shard),
      keys.connections(user.id),
      keys.online(shard),
      keys.nodeConnections(shard, node),
      keys.edges(shard),
    ];
    const reply =
      login === undefined
        ? await this.#link.run(CONNECT, names, [node, id, user.id])
        : await this.#link.run(
            CONNECT,
            [...names, keys.logins(user.id), keys.userChannel(user.id)],
            [node, id, user.id, login, this.#publish, restoredAt ?? ''],
          );
    failPoint('after-connect');
    return Number(reply);
  }

  /** Resolves with the users online in the shard. */
  async disconnect(node: string, { id, user }: PresenceConnection): Promise<number> {
    const { keys } = this.#link;
    const shard = keys.shardOfUser(user.id);
    const names = [keys.connections(user.id), keys.online(shard), keys.nodeConnections(shard, node), keys.edges(shard)];
    return Number(await this.#link.run(DISCONNECT, names, [node, id, user.id]));
  }

  /** Resolves with the room's distinct users, or `REAPED`. */
  async enter(node: string, room: string, user: PresenceUser, announce: boolean): Promise<number> {
    const { keys } = this.#link;
    const shard = keys.shardOfRoom(room);
    const names = [
      keys.tombstones(shard),
      keys.roomUsers(room),
      keys.nodeRooms(shard, node),
      keys.presenceChannel(room),
      keys.occupied(shard),
      keys.edges(shard),
    ];
    const args = [node, room, user.id, personJson(user), this.#publish, announce ? 'announce' : ''];
    const reply = await this.#link.run(ENTER, names, args);
    failPoint('after-enter');
    return Number(reply);
  }

  /** Resolves with the room's distinct users. */
  async leave(node: string, room: string, user: string): Promise<number> {
    const { keys } = this.#link;
    const shard = keys.shardOfRoom(room);
    const names = [keys.roomUsers(room), keys.nodeRooms(shard, node), keys.presenceChannel(room), keys.occupied(shard), keys.edges(shard)];
    const reply = await this.#link.run(LEAVE, names, [node, room, user, this.#publish]);
    failPoint('after-leave');
    return Number(reply);
  }

  async room(room: string, limit: number): Promise<{ count: number; users: PresenceUser[] }> {
    const [count, ...users] = list(await this.#link.run(ROOM, [this.#link.keys.roomUsers(room)], [limit]));
    return { count: Number(count), users: users.map((json) => JSON.parse(String(json))) };
  }

  async recount(room: string): Promise<void> {
    const { keys } = this.#link;
    await this.#link.run(RECOUNT, [keys.roomUsers(room), keys.presenceChannel(room)], [this.#publish]);
  }

  /** Takes a lease. @param remember Nodes that get one too, unless they were reaped. */
  take(node: string, leaseMs: number, graceMs: number, remember: readonly string[]): Promise<Renewal> {
    return this.#renew([node, 'take', leaseMs, graceMs, '', ...remember]);
  }

  /** Renews a lease. @param since As in the last `Renewal`. */
  keep(node: string, leaseMs: number, graceMs: number, since: string): Promise<Renewal> {
    return this.#renew([node, 'keep', leaseMs, graceMs, since]);
  }

  async #renew(args: readonly (string | number)[]): Promise<Renewal> {
    const { keys } = this.#link;
    const [state, now, since, nodes, expired] = list(await this.#link.run(RENEW, [keys.leases(), keys.tombstones(0)], args));
    if (state !== 'held') return { state: state === 'reaped' ? 'reaped' : 'lost' };
    return { state, now: Number(now), since: String(since), nodes: list(nodes).map(String), expired: list(expired).map(String) };
  }

  async claim(node: string, kind: ClaimKind, claimMs: number, graceMs: number): Promise<boolean> {
    const { keys } = this.#link;
    const reply = await this.#link.run(CLAIM, [keys.leases(), keys.tombstones(0)], [node, kind, claimMs, graceMs, TOMBSTONE_MS]);
    return Number(reply) === 1;
  }

  async tombstone(shard: number, node: string): Promise<void> {
    await this.#link.run(TOMBSTONE, [this.#link.keys.tombstones(shard)], [node, TOMBSTONE_MS]);
  }

  /**
   * Removes at most `limit` connections of a node from a shard. Resolves with how many there were,
   * and how many of them were removed here.
   */
  async reapConnections(shard: number, node: string, limit: number): Promise<{ found: number; removed: number }> {
    const { keys } = this.#link;
    const source = keys.nodeConnections(shard, node);
    const entries = list(await this.#link.command(source, 'SRANDMEMBER', source, limit)).map(String);
    if (entries.length === 0) return { found: 0, removed: 0 };
    const names = [
      keys.online(shard),
      source,
      keys.edges(shard),
      ...entries.map((entry) => keys.connections(entry.slice(entry.indexOf(' ') + 1))),
    ];
    return { found: entries.length, removed: Number(await this.#link.run(REAP_CONNECTIONS, names, [node, ...entries])) };
  }

  /**
   * Removes at most `limit` (room, user) pairs of a node from a shard. Resolves with how many there
   * were.
   */
  async reapRooms(shard: number, node: string, limit: number, announce: ReapSignal): Promise<number> {
    const { keys } = this.#link;
    const source = keys.nodeRooms(shard, node);
    const pairs = list(await this.#link.command(source, 'SRANDMEMBER', source, limit)).map(String);
    if (pairs.length === 0) return 0;
    const users = new Map<string, string[]>();
    for (const pair of pairs) {
      const space = pair.indexOf(' ');
      const room = pair.slice(0, space);
      const known = users.get(room);
      if (known === undefined) users.set(room, [pair.slice(space + 1)]);
      else known.push(pair.slice(space + 1));
    }
    const names = [source, keys.occupied(shard), keys.edges(shard)];
    const args: (string | number)[] = [node, this.#publish, announce];
    for (const [room, ids] of users) {
      names.push(keys.roomUsers(room), keys.presenceChannel(room));
      args.push(room, ids.length, ...ids);
    }
    await this.#link.run(REAP_ROOMS, names, args);
    return pairs.length;
  }

  /** Removes a node's lease, once nothing else of it is left. */
  async release(node: string): Promise<void> {
    const key = this.#link.keys.leases();
    await this.#link.command(key, 'ZREM', key, node);
  }
}

function list(reply: unknown): unknown[] {
  if (!Array.isArray(reply)) throw new HubError('UNAVAILABLE', `Redis answered ${typeof reply} where a list was expected.`);
  return reply;
}
