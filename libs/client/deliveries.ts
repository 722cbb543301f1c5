import { isManagedRoom } from './room-kinds.ts';
import type { SendQueue } from './send-queue.ts';
import { type Clock, Timer } from './timer.ts';

/** At most one frame for each room in this time, milliseconds. */
const BATCH_MS = 1000;

interface Delivery {
  /** Up to this offset messages reached the user. */
  marked: number;
  /** Up to this offset the hub was told. */
  told: number;
}

/**
 * Tells the hub, in batches, which messages reached the user (M6). Without a connection it waits
 * for the next one. If a frame was lost with its connection, the messages come again, and the hub
 * is told again.
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

  /** Messages of the room up to this offset reached the user. Only managed rooms have a cursor. */
  mark(room: string, offset: number): void {
    if (!isManagedRoom(room)) return;
    const delivery = this.#rooms.get(room) ?? { marked: 0, told: 0 };
    this.#rooms.set(room, delivery);
    if (offset <= delivery.marked) return;
    delivery.marked = offset;
    if (this.#timer.due === undefined) this.#flush();
  }

  /** A message was handed to the application. */
  handed(room: string, offset: number): void {
    if (!this.#manual) this.mark(room, offset);
  }

  /**
   * The hub sent a message that waited, so it does not know of any `delivered` sent for it before.
   */
  waited(room: string, offset: number): void {
    const delivery = this.#rooms.get(room);
    if (delivery === undefined || offset > delivery.told) return;
    delivery.told = offset - 1;
    if (this.#timer.due === undefined) this.#timer.start(BATCH_MS);
  }

  /**
   * In manual mode this tells the hub at once that the application acknowledges. Otherwise the hub
   * would send pings and count their pongs as `delivered` (M6).
   */
  lineUp(): void {
    if (this.#manual) this.#wire.send({ type: 'delivered', room: 'dm:', offset: 0 });
    this.#flush();
  }

  /**
   * The room's sequence goes on from this offset. Higher offsets were of a sequence that is lost.
   */
  goesOn(room: string, offset: number): void {
    if (offset < (this.#rooms.get(room)?.marked ?? 0)) this.#rooms.delete(room);
  }

  clear(): void {
    this.#rooms.clear();
  }

  forget(room: string): void {
    this.#rooms.delete(room);
  }

  /** Sends what is not sent yet, without waiting. */
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
