/** The rooms whose streams may hold messages that are not stored yet. */
import type { RedisLink } from '#libs/redis/redis-link.ts';

/** Milliseconds after its last publication during which a room is active. */
export const ACTIVE_MS = 3_600_000;
/** Milliseconds after which a node records a room again. */
const NOTE_AGAIN_MS = 300_000;
/** Milliseconds by which the clocks of two nodes may differ. */
const SKEW_MS = 60_000;
/** Rooms whose last record a node remembers. It records any other room again. */
const ROOMS_MAX = 10_000;

interface Note {
  readonly epoch: string;
  readonly at: number;
}

/**
 * The rooms with recent publications, as a sorted set in Redis. Only their streams can hold
 * messages that are not stored yet.
 *
 * If Redis loses the set, it loses the streams too, so the first publication of an epoch records
 * its room again. Each node records a room once in five minutes. The record is written right before
 * the publication, in the same write, and nobody waits for the reply. So publishing costs no extra
 * round trip, and a node that dies right after a publication has recorded the room. On a Cluster
 * the two may be sent to different masters. If the master of the set is away or loses it, the room
 * is recorded again within five minutes.
 */
export class ActiveRooms {
  readonly #link: RedisLink;
  readonly #now: () => number;
  /** The last record of each room, the oldest first. */
  readonly #notes = new Map<string, Note>();

  /** @param now Unix milliseconds. */
  constructor(link: RedisLink, now: () => number = Date.now) {
    this.#link = link;
    this.#now = now;
  }

  /** Records a room. Call it right before publishing. Never waits, never throws. */
  note(room: string, epoch: string): void {
    const at = this.#now();
    const last = this.#notes.get(room);
    if (last?.epoch === epoch && at - last.at < NOTE_AGAIN_MS) return;
    const note = { epoch, at };
    this.#notes.delete(room);
    this.#notes.set(room, note);
    if (this.#notes.size > ROOMS_MAX) {
      const [oldest] = this.#notes.keys();
      if (oldest !== undefined) this.#notes.delete(oldest);
    }
    const key = this.#link.keys.activeRooms();
    this.#link.command(key, 'ZADD', key, at, room).catch(() => {
      if (this.#notes.get(room) === note) this.#notes.delete(room);
    });
    // Each writer removes expired members, so the set needs no other clean-up.
    this.#link.command(key, 'ZREMRANGEBYSCORE', key, '-inf', `(${this.#oldest()}`).catch(() => undefined);
  }

  /**
   * Returns every room that was recorded within the last hour, and some from a little earlier.
   * Rejects with `HubError` `UNAVAILABLE`.
   */
  async rooms(): Promise<string[]> {
    const key = this.#link.keys.activeRooms();
    return (await this.#link.command(key, 'ZRANGEBYSCORE', key, this.#oldest(), '+inf')) as string[];
  }

  #oldest(): number {
    return this.#now() - ACTIVE_MS - NOTE_AGAIN_MS - SKEW_MS;
  }
}
