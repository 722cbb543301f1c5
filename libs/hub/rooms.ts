/** The rooms of this node: opened by the first connection that enters, closed a moment after the last one left. */
import type { Broker } from '#libs/broker/broker.ts';
import type { PresenceUser } from '#libs/presence/presence.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { isManagedRoom, roomPolicy } from '#libs/protocol/room-kinds.ts';
import type { NewRooms } from './new-rooms.ts';
import type { RecentBudget } from './recent-page.ts';
import { Room } from './room.ts';
import { Keeps, type RoomPass } from './room-access.ts';

/** A room outlives its last connection by this long: people reload pages. */
const GRACE_MS = 1000;
const RECENT_BYTES_MAX = 128 * 1024 * 1024;

export class Rooms {
  readonly #rooms = new Map<string, Room>();
  readonly #idle = new Set<Room>();
  readonly #broker: Broker;
  readonly #newRooms: NewRooms;
  /** Milliseconds of a steady clock. */
  readonly #now: () => number;
  readonly #budget: RecentBudget = { bytes: 0, max: RECENT_BYTES_MAX };

  constructor(broker: Broker, newRooms: NewRooms, now: () => number) {
    this.#broker = broker;
    this.#newRooms = newRooms;
    this.#now = now;
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

  /** The room with one more connection; opened for `user` where it was not. Await its `ready` before anything is delivered. */
  acquire(pass: RoomPass, user: string): Room {
    const name = pass.room;
    let room = this.#rooms.get(name);
    if (room === undefined) {
      const shared = isManagedRoom(name) ? undefined : pass;
      room = new Room(name, pass.keeps !== Keeps.none, this.#budget, shared);
      this.#rooms.set(name, room);
      room.ready = this.#open(room, user);
      // Everyone who enters awaits it; one who left before must not end the process.
      room.ready.catch(() => undefined);
    }
    room.connections += 1;
    this.#idle.delete(room);
    return room;
  }

  release(room: Room, now: number): void {
    room.connections -= 1;
    if (room.connections > 0 || this.#rooms.get(room.name) !== room) return;
    room.idleSince = now;
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

  /** A room that exists is entered by whoever may; one that does not, by a user who may begin one. */
  async #open(room: Room, user: string): Promise<void> {
    const { keeps, name } = room;
    const counted = keeps && roomPolicy(name).entry === 'claim';
    const granted = !counted || this.#newRooms.take(user, this.#now());
    try {
      const { position, latest, began } = await this.#broker.subscribe(name, keeps, granted);
      if (counted && granted && !began) this.#newRooms.giveBack(user);
      room.restart(position, latest);
    } catch (error) {
      // The next one to enter tries again with a room of its own.
      this.#forget(room);
      this.#idle.delete(room);
      if (counted && granted) this.#newRooms.giveBack(user);
      if (!granted && HubError.from(error).code === 'ROOM_NOT_FOUND') throw this.#newRooms.refusal(user, this.#now());
      throw error;
    }
  }

  #forget(room: Room): void {
    room.recent.clear();
    if (this.#rooms.get(room.name) === room) this.#rooms.delete(room.name);
  }
}
