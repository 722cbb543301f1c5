/** The names of all keys and channels in Redis. */
import { crc32 } from 'node:zlib';
import calculateSlot from 'cluster-key-slot';

/** Slots of a Redis Cluster. */
const SLOTS = 16_384;
/**
 * The slots are divided into equal parts. With 2, 3, 4, 6 or 12 masters of equal size, each master
 * has a whole number of parts.
 */
const PARTS = 12;

/**
 * The hash tags of room partitions: `r` and a number below 1,024. A room's keys and its channel
 * share the tag of its partition. So a node subscribes to all of its rooms with a few commands for
 * each of 864 partitions, not one for each of 16,384 slots. This list must never change: it decides
 * where data lies.
 */
export const ROOM_TAGS = evenTags('r', 72);

/**
 * The hash tags of presence shards on a Cluster: `p` and a number. This list must never change
 * either.
 */
export const PRESENCE_TAGS = evenTags('p', 5);

/**
 * Returns the partition of a name, from 0 to `partitions` - 1. All have equal shares of the names.
 */
export function partitionOf(name: string, partitions: number): number {
  return crc32(name) % partitions;
}

/**
 * Returns the first of the tags `<letter>0`, `<letter>1`, ... so that each twelfth of the slots has
 * `each` tags.
 */
function evenTags(letter: string, each: number): readonly string[] {
  const left = new Array<number>(PARTS).fill(each);
  const tags: string[] = [];
  for (let n = 0; tags.length < PARTS * each; n += 1) {
    const tag = `${letter}${n}`;
    const part = Math.floor((calculateSlot(tag) * PARTS) / SLOTS);
    const room = left[part] ?? 0;
    if (room === 0) continue;
    left[part] = room - 1;
    tags.push(tag);
  }
  return tags;
}

/**
 * Builds the names of all keys and channels. No other code builds one.
 *
 * A room's stream, sequence, idempotency keys and channel share the hash tag of the room's
 * partition, also without a Cluster: the data can move to one unchanged. Presence is one shard on a
 * single server, and several shards on a Cluster. So each script touches one slot.
 */
export class RedisKeys {
  /** The number of presence shards: 1 on a single server, 60 on a Cluster. */
  readonly presenceShards: number;
  readonly #prefix: string;
  /** The last room and the start of its names. A publication needs four names of one room. */
  #asked: string | undefined;
  #base = '';

  /**
   * @param prefix Every name starts with it and a colon. So several hubs can share a Redis.
   * @param cluster Whether the names are for a Cluster.
   * @throws TypeError for a prefix with braces or spaces.
   */
  constructor(prefix: string, cluster: boolean) {
    if (/[{}\s]/.test(prefix)) throw new TypeError('A key prefix has no braces and no spaces.');
    this.#prefix = prefix.endsWith(':') ? prefix : `${prefix}:`;
    this.presenceShards = cluster ? PRESENCE_TAGS.length : 1;
  }

  /** String: epoch, server and offset of a room's sequence (see `libs/broker/lua/publish.lua`). */
  meta(room: string): string {
    return `${this.#room(room)}:meta`;
  }

  /** The pattern of all of them, for SCAN. Few other keys fit. */
  metas(): string {
    return `${this.#prefix}{r*}:*:meta`;
  }

  /** Stream: the room's kept publications, with the entry ids `<offset>-<stamp>`. */
  stream(room: string): string {
    return `${this.#room(room)}:stream`;
  }

  /** String: the room's stream may hold events that are no messages (M7). */
  eventMark(room: string): string {
    return `${this.#room(room)}:events`;
  }

  /** String: the outcome of the publication under `key`. */
  idempotency(room: string, key: string): string {
    return `${this.#room(room)}:i:${key}`;
  }

  /** Channel: a room's publications and signals. */
  roomChannel(room: string): string {
    return `${this.#room(room)}:c`;
  }

  /** The presence shard of a user. */
  shardOfUser(user: string): number {
    return partitionOf(user, this.presenceShards);
  }

  /** The presence shard of a room. */
  shardOfRoom(room: string): number {
    return partitionOf(room, this.presenceShards);
  }

  /**
   * Hash: a user's connections. Each is a field `<node>.<connection>` with an empty value: a small
   * hash needs less memory than a small set.
   */
  connections(user: string): string {
    return `${this.#shard(this.shardOfUser(user))}:connections:${user}`;
  }

  /** Set: the shard's users online. */
  online(shard: number): string {
    return `${this.#shard(shard)}:online`;
  }

  /** Set: the connections that one node has registered in the shard. */
  nodeConnections(shard: number, node: string): string {
    return `${this.#shard(shard)}:node-connections:${node}`;
  }

  /** Set: the shard's occupied rooms. */
  occupied(shard: number): string {
    return `${this.#shard(shard)}:occupied`;
  }

  /**
   * Stream: the shard's latest edges (see `libs/presence/presence-edges.ts`). It does not exist
   * while nobody observes.
   */
  edges(shard: number): string {
    return `${this.#shard(shard)}:edges`;
  }

  /** Hash: the observer of the shard's edges: `holder`, `until` (ms of Redis time), `position`. */
  observer(shard: number): string {
    return `${this.#shard(shard)}:observer`;
  }

  /** Set: the users and rooms of the shard that the observer reported as present. */
  reported(shard: number): string {
    return `${this.#shard(shard)}:reported`;
  }

  /** Hash: a room's users. Maps a user to its nodes and name. */
  roomUsers(room: string): string {
    return `${this.#shard(this.shardOfRoom(room))}:room:${room}`;
  }

  /** Set: the (room, user) pairs of one node in the shard. */
  nodeRooms(shard: number, node: string): string {
    return `${this.#shard(shard)}:node-rooms:${node}`;
  }

  /** Sorted set: ids of reaped nodes. Scripts refuse their late writes. */
  tombstones(shard: number): string {
    return `${this.#shard(shard)}:tombstones`;
  }

  /** Sorted set: the user's logins, numbered in order of first sight (R4). */
  logins(user: string): string {
    return `${this.#shard(this.shardOfUser(user))}:login:${user}`;
  }

  /**
   * Sorted set: node leases by expiry in Redis time (see `libs/presence/lua/renew.lua`). One for
   * the whole hub.
   */
  leases(): string {
    return `${this.#shard(0)}:leases`;
  }

  /** Channel: a user's signals. ASCII, whatever the user's id. */
  userChannel(user: string): string {
    return `${this.#shard(this.shardOfUser(user))}:u:${encodeURIComponent(user.toWellFormed())}`;
  }

  /**
   * Channel: changes of a room's presence, announced by scripts. It is the room's channel; on a
   * Cluster it is one in the slot of the script's keys.
   */
  presenceChannel(room: string): string {
    return this.presenceShards === 1 ? this.roomChannel(room) : `${this.#shard(this.shardOfRoom(room))}:rc:${room}`;
  }

  /**
   * Channel: probes of a node to itself.
   *
   * @param tag Chosen by the caller so that its slot is on the probed master.
   */
  probeChannel(node: string, tag: string): string {
    return `${this.#prefix}{${tag}}:probe:${node}`;
  }

  /**
   * The start of every key of the job queues. All share one hash tag, since their scripts touch
   * several keys at once.
   */
  jobs(): string {
    return `${this.#prefix}{jobs}`;
  }

  /** Set: ids of the nodes that send reports. */
  nodes(): string {
    return `${this.#prefix}{nodes}:ids`;
  }

  /** String: the last report of a node, in the slot of `nodes`. */
  nodeFacts(node: string): string {
    return `${this.#prefix}{nodes}:facts:${node}`;
  }

  /**
   * Sorted set: rooms with an archive, by the approximate time of their last publication. One for
   * the whole hub.
   */
  activeRooms(): string {
    return `${this.#prefix}{active}:rooms`;
  }

  /**
   * String: the state of a rate limit.
   *
   * @param subject The id of a user, or a hash of an address or account.
   */
  limit(name: string, subject: string): string {
    return `${this.#prefix}{l:${subject}}:limit:${name}`;
  }

  /**
   * Sorted set: members by their end, Unix milliseconds (see `libs/redis/lua/recent-add.lua`).
   *
   * @param subject A hash of an address or a user.
   */
  recent(name: string, subject: string): string {
    return `${this.#prefix}{n:${subject}}:recent:${name}`;
  }

  /**
   * String: written by the health check, which also uses the name as a channel. `tag` as in
   * `probeChannel`.
   */
  health(tag: string): string {
    return `${this.#prefix}{${tag}}:health`;
  }

  /** Returns one key of each kind, to check the rights of the Redis user. */
  samples(): string[] {
    const [room, user, node] = ['health', 'health', 'health'];
    return [
      this.meta(room),
      this.stream(room),
      this.eventMark(room),
      this.idempotency(room, 'health'),
      this.connections(user),
      this.online(0),
      this.occupied(0),
      this.edges(0),
      this.observer(0),
      this.reported(0),
      this.nodeConnections(0, node),
      this.roomUsers(room),
      this.nodeRooms(0, node),
      this.tombstones(0),
      this.logins(user),
      this.leases(),
      `${this.jobs()}:health`,
      this.nodes(),
      this.nodeFacts(node),
      this.activeRooms(),
      this.limit('health', 'health'),
      this.recent('health', 'health'),
    ];
  }

  #room(room: string): string {
    if (room !== this.#asked) {
      this.#asked = room;
      this.#base = `${this.#prefix}{${ROOM_TAGS[partitionOf(room, ROOM_TAGS.length)]}}:${room}`;
    }
    return this.#base;
  }

  #shard(shard: number): string {
    return `${this.#prefix}{${PRESENCE_TAGS[shard]}}`;
  }
}
