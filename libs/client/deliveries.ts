import { isManagedRoom } from './room-kinds.ts';
import type { SendQueue } from './send-queue.ts';
import { type Clock, Timer } from './timer.ts';

/** At most one frame a room in this time, milliseconds. */
const BATCH_MS = 1000;

interface Delivery {
  /** Up to here it reached the user. */
  marked: number;
  /** Up to here the hub was told. */
  told: number;
}

/**
 * Tells the hub what reached the user, in batches (M6). What could not be told is told after the reconnect. A frame that the line's end swallowed shows by
 * its messages coming again: then it is told again.
 */
export class Deliveries {
  readonly #wire: SendQueue;
  readonly #manual: boolean;
  readonly #timer: Timer;
  readonly #rooms = new Map<string, Delivery>();

  constructor(wire: SendQueue, clock: Clock, manual: boolean) {
    this.#wire = wire;
    this.#manual = manual;
    this.#timer = new Timer(clock, () => this.#flush());
  }

  /** Everything of the room up to this offset reached the user. Only rooms that the hub makes keep count of it. */
  mark(room: string, offset: number): void {
    if (!isManagedRoom(room)) return;
    const delivery = this.#rooms.get(room) ?? { marked: 0, told: 0 };
    this.#rooms.set(room, delivery);
    if (offset <= delivery.marked) return;
    delivery.marked = offset;
    if (this.#timer.due === undefined) this.#flush();
  }

  /** A message was handed over. */
  handed(room: string, offset: number): void {
    if (!this.#manual) this.mark(room, offset);
  }

  /** The hub sent a message that waited. It does not know of what was told of it before. */
  waited(room: string, offset: number): void {
    const delivery = this.#rooms.get(room);
    if (delivery === undefined || offset > delivery.told) return;
    delivery.told = offset - 1;
    if (this.#timer.due === undefined) this.#timer.start(BATCH_MS);
  }

  /** In manual mode the hub is told at once that this client speaks for itself: else any sign of life would count as delivered (M6). */
  lineUp(): void {
    if (this.#manual) this.#wire.send({ type: 'delivered', room: 'dm:', offset: 0 });
    this.#flush();
  }

  /** The room's sequence goes on from this offset: what was counted above it was of one that is lost. */
  goesOn(room: string, offset: number): void {
    if (offset < (this.#rooms.get(room)?.marked ?? 0)) this.#rooms.delete(room);
  }

  clear(): void {
    this.#rooms.clear();
  }

  forget(room: string): void {
    this.#rooms.delete(room);
  }

  /** Tells what is not told yet, without waiting. */
  end(): void {
    this.#flush();
    this.#timer.stop();
  }

  #flush(): void {
    if (!this.#wire.up) return;
    for (const [room, delivery] of this.#rooms) {
      if (delivery.told >= delivery.marked) continue;
      delivery.told = delivery.marked;
      this.#wire.send({ type: 'delivered', room, offset: delivery.marked });
      this.#timer.start(BATCH_MS);
    }
  }
}
