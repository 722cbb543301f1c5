import type { ErrorFrame, JoinedFrame, JoinTarget } from '#libs/protocol/frame-types.ts';
import { JOIN_ROOMS_MAX } from '#libs/protocol/limits.ts';
import { type Room, RoomState } from './room.ts';
import type { SendQueue } from './send-queue.ts';
import { type Clock, Timer } from './timer.ts';

/**
 * Upper bound of a join frame's bytes beside its rooms. In names and epochs each character is one
 * byte.
 */
const FRAME_OVERHEAD = 100;

export interface JoinFramesOptions {
  readonly wire: SendQueue;
  readonly clock: Clock;
  /** How long an answer may take, milliseconds. */
  readonly timeoutMs: number;
  readonly backoff: (failures: number) => number;
  readonly newId: () => string;
}

/** Asks for rooms in as few frames as the hub allows, each until it is answered. */
export class JoinFrames {
  readonly #options: JoinFramesOptions;
  readonly #rooms: ReadonlyMap<string, Room>;
  /** The room is refused for good. */
  readonly #failed: (room: Room, error: ErrorFrame) => void;
  readonly #timer: Timer;
  #frameBytes = Number.POSITIVE_INFINITY;

  /** @param rooms The rooms that the client wants to be in. */
  constructor(options: JoinFramesOptions, rooms: ReadonlyMap<string, Room>, failed: (room: Room, error: ErrorFrame) => void) {
    this.#options = options;
    this.#rooms = rooms;
    this.#failed = failed;
    this.#timer = new Timer(options.clock, () => this.#look());
  }

  lineUp(frameBytes: number): void {
    this.#frameBytes = frameBytes;
    this.send([...this.#rooms.values()]);
  }

  lineDown(): void {
    this.#timer.stop();
    for (const room of this.#rooms.values()) room.wait();
  }

  /** Asks for rooms. Does nothing without a connection. */
  send(rooms: readonly Room[]): void {
    if (!this.#options.wire.up) return;
    let members: Room[] = [];
    let bytes = FRAME_OVERHEAD;
    for (const room of rooms) {
      const size = JSON.stringify(target(room)).length + 1;
      if (members.length === JOIN_ROOMS_MAX || (members.length > 0 && bytes + size > this.#frameBytes)) {
        this.#ask(members);
        [members, bytes] = [[], FRAME_OVERHEAD];
      }
      members.push(room);
      bytes += size;
    }
    this.#ask(members);
  }

  /** A `joined` frame of the room came. */
  answered(room: Room, { more }: JoinedFrame): void {
    this.#due(room, more ? this.#options.timeoutMs : undefined);
  }

  /** Returns whether the error answers a join. Without `room` it is about the whole frame. */
  fail(frame: ErrorFrame): boolean {
    const rooms = [...this.#rooms.values()].filter(
      ({ name, state, joinId }) => state === RoomState.joining && joinId === frame.id && name === (frame.room ?? name),
    );
    for (const room of rooms) {
      if (frame.retryable) {
        room.failures += 1;
        room.wait();
        this.#due(room, frame.retryAfter === undefined ? this.#options.backoff(room.failures) : frame.retryAfter * 1000);
      } else if (rooms.length > 1) this.send([room]);
      else this.#failed(room, frame);
    }
    return rooms.length > 0;
  }

  #ask(rooms: readonly Room[]): void {
    const [only] = rooms;
    if (only === undefined) return;
    const { wire, timeoutMs, newId } = this.#options;
    const id = newId();
    wire.send(rooms.length > 1 ? { type: 'join', id, rooms: rooms.map(target) } : { type: 'join', id, ...target(only) });
    for (const room of rooms) {
      room.joinId = id;
      room.state = RoomState.joining;
      this.#due(room, timeoutMs);
    }
  }

  /** @param milliseconds Until the room is asked for again; undefined: it is not. */
  #due(room: Room, milliseconds: number | undefined): void {
    room.due = milliseconds === undefined ? undefined : this.#options.clock.steady() + milliseconds;
    if (milliseconds !== undefined && (this.#timer.due ?? Number.POSITIVE_INFINITY) > (room.due ?? 0)) this.#timer.start(milliseconds);
  }

  /**
   * Asks again for the rooms that are due. It leaves a room without an answer first: otherwise a
   * second answer would lack what the first one had.
   */
  #look(): void {
    const { wire, clock, newId } = this.#options;
    const now = clock.steady();
    const rooms = [...this.#rooms.values()];
    const due = rooms.filter((room) => room.due !== undefined && room.due <= now);
    for (const { name, state } of due) if (state === RoomState.joining) wire.send({ type: 'leave', id: newId(), room: name });
    this.send(due);
    const next = Math.min(...rooms.map((room) => room.due ?? Number.POSITIVE_INFINITY));
    if (next < Number.POSITIVE_INFINITY) this.#timer.start(next - now);
  }
}

function target({ name, position }: Room): JoinTarget {
  return { room: name, since: position };
}
