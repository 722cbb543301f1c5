/**
 * Pushes of counts, coalesced (P4): at most four a second for the whole hub and for each room,
 * stretched with the number of connections to one a second at 5,000; the last value is always sent,
 * an unchanged one never.
 */

import { EVERYONE, type Fanout } from '#libs/hub/ports/socket.ts';
import type { Room } from '#libs/hub/rooms/room.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { buildFrame } from '#libs/protocol/server-frame.ts';

/** A little over a quarter of a second: five ticks never fit into one second. */
export const INTERVAL_MS = 255;
const STRETCHED_MS = 1000;
/** A count push costs one delivery for each connection, so its pace falls as they grow. */
const STRETCH_MS_PER_CONNECTION = STRETCHED_MS / 5000;

/** Milliseconds between two pushes on a node with so many connections. */
export function pushInterval(connections: number): number {
  return Math.min(STRETCHED_MS, Math.max(INTERVAL_MS, connections * STRETCH_MS_PER_CONNECTION));
}

export class Counts {
  readonly #fanout: Fanout;
  readonly #dirty = new Set<Room>();
  /** Connections that got another count than the last one pushed, in a frame of their own. */
  readonly #asides = new Map<Connection, number>();
  readonly #roomAsides = new Map<Room, Map<Connection, number>>();
  #online = 0;
  #onlinePushed = -1;
  #pushedAt = Number.NEGATIVE_INFINITY;

  constructor(fanout: Fanout) {
    this.#fanout = fanout;
  }

  online(count: number): void {
    this.#online = count;
  }

  /**
   * One connection got this count in a frame of its own (`welcome`, an answer). If the count is
   * back at the pushed one by the next push, only that connection gets it again.
   */
  sentOnline(connection: Connection, count: number): void {
    if (count === this.#onlinePushed) this.#asides.delete(connection);
    else this.#asides.set(connection, count);
  }

  /** As `sentOnline`, for the count of a room in `joined`. */
  sentRoom(connection: Connection, room: Room): void {
    if (room.isCountPushed) return;
    const asides = this.#roomAsides.get(room);
    if (asides === undefined) this.#roomAsides.set(room, new Map([[connection, room.count]]));
    else asides.set(connection, room.count);
    this.#dirty.add(room);
  }

  /** A count that presence signalled. */
  room(room: Room, count: number): void {
    room.countSignalled(count);
    this.#dirty.add(room);
  }

  /**
   * Sends what changed since the last push. Call it once a tick; `now` in milliseconds of any
   * steady clock.
   */
  flush(now: number, connections: number): void {
    if (now - this.#pushedAt < pushInterval(connections)) return;
    this.#pushedAt = now;
    if (this.#online !== this.#onlinePushed) {
      this.#onlinePushed = this.#online;
      this.#fanout.publish(EVERYONE, buildFrame('online', { count: this.#online }), connections);
    } else {
      for (const [connection, count] of this.#asides)
        if (count !== this.#online) connection.send(buildFrame('online', { count: this.#online }));
    }
    this.#asides.clear();
    for (const room of this.#dirty) {
      const { count } = room;
      if (!room.isCountPushed) {
        room.countPushed();
        this.#fanout.publish(room.topic, buildFrame('room_online', { room: room.name, count }), room.subscriptions);
      } else {
        for (const [connection, sent] of this.#roomAsides.get(room) ?? []) {
          if (sent !== count && connection.rooms.includes(room)) connection.send(buildFrame('room_online', { room: room.name, count }));
        }
      }
    }
    this.#roomAsides.clear();
    this.#dirty.clear();
  }
}
