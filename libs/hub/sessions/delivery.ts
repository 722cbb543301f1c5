/** The way of one connection into one room, from `join` until it is live (M4, M5). Live costs no object: the subscription of the socket is the state. */
import type { Position } from '#libs/broker/broker.ts';
import type { Room } from '#libs/hub/rooms/room.ts';
import type { Retention } from '#libs/messages/room-access.ts';

/** Frames of a private room that wait for a join at most. With more, the connection ends and the client connects again. */
const HELD_MAX = 1000;

/** A frame of a private room on its way to one connection. `epoch` is empty if the offset alone decides: in rooms that keep history it never falls (M3). */
export interface PrivateFrame extends Position {
  readonly frame: Buffer;
  readonly retention: Retention;
  /** It is no message, but `resync`: the sequence goes on from this position. */
  readonly isResync: boolean;
}

/** It stops once it is no longer the one in `Connection.deliveries`. */
export class Delivery {
  /** The `id`s of the frames that wait for its answer, the first one its own. */
  readonly ids: (string | undefined)[];
  /** Undefined while it is asked whether the user may enter. */
  room: Room | undefined;
  #held: PrivateFrame[] = [];

  constructor(id: string | undefined) {
    this.ids = [id];
  }

  /** Keeps a frame that comes over the user's own channel until the page of the room is sent. Returns false if too many wait. */
  hold(frame: PrivateFrame): boolean {
    this.#held.push(frame);
    return this.#held.length <= HELD_MAX;
  }

  /**
   * The frames that were held and follow the page, in order. Those of another sequence than the page's are left out.
   *
   * @param page The position that the page was cut at; undefined if none was sent.
   */
  release(page?: Position): PrivateFrame[] {
    const held = this.#held;
    this.#held = [];
    if (page === undefined) return held;
    const follows = held.filter(({ epoch, offset }) => isSameEpoch(epoch, page.epoch) && offset > page.offset);
    // What another delivery of the connection held before may have been added last.
    return follows.sort((one, other) => one.offset - other.offset);
  }
}

/** Whether two positions can be compared. An empty epoch goes with any. */
export function isSameEpoch(one: string, other: string): boolean {
  return one === '' || other === '' || one === other;
}
