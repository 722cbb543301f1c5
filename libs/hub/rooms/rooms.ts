/**
 * The rooms of this node. The first connection opens a room; it closes a moment after the last one
 * left.
 */
import type { Broker } from '#libs/broker/broker.ts';
import type { NewRooms } from '#libs/hub/limits/new-rooms.ts';
import { type Membership, Retention } from '#libs/messages/room-access.ts';
import type { PresenceUser } from '#libs/presence/presence.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { isManagedRoom, roomPolicy } from '#libs/protocol/room-kinds.ts';
import type { RecentBudget } from './recent-page.ts';
import { Room } from './room.ts';

/** A room outlives its last connection by this long: people reload pages. */
const GRACE_MS = 1000;
const RECENT_BYTES_MAX = 128 * 1024 * 1024;

/** An attempt to make the broker deliver a room. */
interface Opening {
  /** The user for whom: if the room does not exist, it counts as one of their new rooms. */
  readonly user: string;
  /** Settled once the broker delivers the room, or does not. */
  readonly done: Promise<void>;
  /** The room does not exist, and `user` may begin none now. */
  isRefused: boolean;
}

export class Rooms {
  readonly #rooms = new Map<string, Room>();
  readonly #idle = new Set<Room>();
  /** The latest attempt for each room. */
  readonly #openings = new WeakMap<Room, Opening>();
  readonly #broker: Broker;
  readonly #newRooms: NewRooms;
  /** Milliseconds of a steady clock. */
  readonly #steady: () => number;
  readonly #budget: RecentBudget = { bytes: 0, max: RECENT_BYTES_MAX };

  constructor(broker: Broker, newRooms: NewRooms, steady: () => number) {
    this.#broker = broker;
    this.#newRooms = newRooms;
    this.#steady = steady;
  }

  get size(): number {
    return this.#rooms.size;
  }

  get(name: string): Room | undefined {
    return this.#rooms.get(name);
  }

  all(): Iterable<Room> {
    return this.#rooms.values();
  }

  /** The rooms with the most subscriptions, the largest first, at most `limit`. */
  largest(limit: number): Room[] {
    const largest: Room[] = [];
    const cut = (): void => {
      largest.sort((one, other) => other.subscriptions - one.subscriptions).splice(limit);
    };
    for (const room of this.#rooms.values()) {
      if (largest.length >= limit && room.subscriptions <= (largest[limit - 1]?.subscriptions ?? 0)) continue;
      largest.push(room);
      // Sorted now and then, not for each room: there may be many.
      if (largest.length >= 2 * limit) cut();
    }
    cut();
    return largest;
  }

  /**
   * Returns the room, with one more connection. Opens it for `user` if it is not open. Await
   * `opened` before you deliver anything.
   */
  acquire(membership: Membership, user: string): Room {
    const name = membership.room;
    let room = this.#rooms.get(name);
    if (room === undefined) {
      const shared = isManagedRoom(name) ? undefined : membership;
      room = new Room(name, membership.retention !== Retention.none, this.#budget, shared);
      this.#rooms.set(name, room);
      this.#begin(room, user);
    }
    room.acquire();
    this.#idle.delete(room);
    return room;
  }

  /**
   * Resolves once the broker delivers the acquired room. Rejects with `HubError`. If the room is
   * refused because `user` may make no new room, that counts for this user alone: for another one
   * the room is opened again.
   */
  async opened(room: Room, user: string): Promise<void> {
    for (;;) {
      const opening = this.#openings.get(room);
      try {
        return await opening?.done;
      } catch (error) {
        const isOwn = opening?.isRefused !== true || opening.user === user;
        if (isOwn || this.#rooms.get(room.name) !== room) throw error;
      }
      if (this.#openings.get(room) === opening) this.#begin(room, user);
    }
  }

  release(room: Room, now: number): void {
    room.release(now);
    if (room.connections > 0 || this.#rooms.get(room.name) !== room) return;
    if (this.#openings.get(room)?.isRefused === true) {
      this.#forget(room);
      return;
    }
    this.#idle.add(room);
  }

  /** Closes the rooms whose grace is over. */
  sweep(now: number): void {
    for (const room of this.#idle) {
      if (now - room.idleSince < GRACE_MS) return;
      this.#idle.delete(room);
      this.#forget(room);
      this.#broker.unsubscribe(room.topic);
    }
  }

  /** Every user of this node in every room, for presence to put back. */
  *occupancy(): Generator<{ readonly room: string; readonly user: PresenceUser }> {
    for (const room of this.#rooms.values()) {
      for (const user of room.users.keys()) yield { room: room.name, user };
    }
  }

  #begin(room: Room, user: string): void {
    const done = this.#open(room, user);
    this.#openings.set(room, { user, done, isRefused: false });
    // Each join awaits it. If all of them ended before, the rejection must not end the process.
    done.catch(() => undefined);
  }

  /**
   * Anybody with a membership enters a room that exists. Only a user who may make a new room enters
   * one that does not.
   */
  async #open(room: Room, user: string): Promise<void> {
    const { keeps, name } = room;
    const policy = roomPolicy(name);
    const counted = policy.entry === 'claim' && policy.countsAsNew === true;
    const at = this.#steady();
    const wait = counted ? this.#newRooms.take(user, at) : 0;
    try {
      const { position, latest, began } = await this.#broker.subscribe(name, keeps, wait === 0);
      if (counted && wait === 0 && !began) this.#newRooms.giveBack(user, at);
      room.restart(position, latest);
    } catch (error) {
      if (counted && wait === 0) this.#newRooms.giveBack(user, at);
      const isRefused = wait > 0 && HubError.from(error).code === 'ROOM_NOT_FOUND';
      const opening = this.#openings.get(room);
      if (isRefused && opening !== undefined) opening.isRefused = true;
      if (!isRefused || room.connections === 0) {
        // The next join tries again, with a new object.
        this.#forget(room);
        this.#idle.delete(room);
      }
      throw isRefused ? this.#newRooms.refusal(wait) : error;
    }
  }

  #forget(room: Room): void {
    room.recent.clear();
    if (this.#rooms.get(room.name) === room) this.#rooms.delete(room.name);
  }
}
