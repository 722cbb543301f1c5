import type { RedisLink } from '#libs/redis/redis-link.ts';

/** How far back rooms count as active, milliseconds. */
export const ACTIVE_MS = 3_600_000;
/** A node notes a room again after so long, milliseconds. */
const NOTE_AGAIN_MS = 300_000;
/** Clocks of nodes may differ by this much, milliseconds. */
const SKEW_MS = 60_000;
/** Rooms whose note is remembered: of others it is made again. */
const ROOMS_MAX = 10_000;

interface Note {
  readonly epoch: string;
  readonly at: number;
}

/**
 * Which rooms were published to of late, as a sorted set in Redis: where a stream may hold what is not stored.
 *
 * It has the fate of the streams: it is lost with them, and the first publication of an epoch notes its room anew. Each node notes a room once in five
 * minutes, in the same write as the publication and before it, and waits for no answer: publishing costs no round trip more, and a node that dies
 * right after it published has told where. (On a Cluster the two may go to different masters: where the one with the set is away, or loses it, the room is
 * noted again in five minutes.)
 */
export class ActiveRooms {
  readonly #link: RedisLink;
  readonly #now: () => number;
  /** The last note of each room, the least recent one first. */
  readonly #notes = new Map<string, Note>();

  /** @param now Unix milliseconds. */
  constructor(link: RedisLink, now: () => number = Date.now) {
    this.#link = link;
    this.#now = now;
  }

  /** To be called right before the room is published to. Never waits, never throws. */
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
    // Whoever adds takes away what is over: the set needs nobody to look after it.
    this.#link.command(key, 'ZREMRANGEBYSCORE', key, '-inf', `(${this.#oldest()}`).catch(() => undefined);
  }

  /** Every room that was noted within the hour, and some that were a little earlier. Rejects with `HubError` `UNAVAILABLE`. */
  async rooms(): Promise<string[]> {
    const key = this.#link.keys.activeRooms();
    return (await this.#link.command(key, 'ZRANGEBYSCORE', key, this.#oldest(), '+inf')) as string[];
  }

  #oldest(): number {
    return this.#now() - ACTIVE_MS - NOTE_AGAIN_MS - SKEW_MS;
  }
}
