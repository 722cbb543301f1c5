/**
 * Acks that wait for the message they are about, so that both leave in one write to the sender's
 * socket.
 */
import type { Clock } from '#libs/hub/ports/clock.ts';
import type { Fanout } from '#libs/hub/ports/socket.ts';
import type { Room } from '#libs/hub/rooms/room.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';

/** The longest time that an ack waits, milliseconds. */
const HOLD_MS = 2;

interface HeldAck {
  readonly connection: Connection;
  readonly frame: string;
}

/**
 * Holds the ack of a message until this node relays the next message of its room, for 2 ms at most.
 * An ack that does not wait would be a system call of its own: a tenth of the cost of a message in
 * a room of ten.
 */
export class AckQueue {
  readonly #fanout: Fanout;
  readonly #clock: Pick<Clock, 'wait'>;
  readonly #held = new Map<Room, HeldAck[]>();
  #size = 0;
  #waits = false;

  constructor(fanout: Fanout, clock: Pick<Clock, 'wait'>) {
    this.#fanout = fanout;
    this.#clock = clock;
  }

  /** The acks that wait. */
  get size(): number {
    return this.#size;
  }

  /**
   * Sends an ack: now if the connection is not in the room, or if the message was relayed already.
   *
   * @param room The room, if the connection is in it and its messages come over the room.
   * @param offset Of the message; undefined in a room that keeps nothing.
   */
  send(connection: Connection, room: Room | undefined, offset: number | undefined, frame: string): void {
    if (connection.takesBatches) {
      connection.sendAck(frame, this.#fanout);
      return;
    }
    if (room === undefined || (offset !== undefined && offset <= room.offset)) {
      connection.send(frame);
      return;
    }
    const held = this.#held.get(room);
    if (held === undefined) this.#held.set(room, [{ connection, frame }]);
    else held.push({ connection, frame });
    this.#size += 1;
    if (this.#waits) return;
    this.#waits = true;
    void this.#clock.wait(HOLD_MS).then(() => this.#release());
  }

  /** A message of the room was just published to the sockets of this node. */
  relayed(room: Room): void {
    if (this.#size === 0) return;
    const held = this.#held.get(room);
    if (held === undefined) return;
    this.#held.delete(room);
    this.#sendAll(held);
  }

  #release(): void {
    this.#waits = false;
    const all = [...this.#held.values()];
    this.#held.clear();
    for (const held of all) this.#sendAll(held);
  }

  #sendAll(held: readonly HeldAck[]): void {
    this.#size -= held.length;
    for (const { connection, frame } of held) connection.sendAck(frame, this.#fanout);
  }
}
