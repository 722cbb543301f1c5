import { JOIN_ROOMS_MAX } from '#libs/protocol/limits.ts';
import type { JoinTarget } from './client-frame.ts';
import { type Room, RoomState } from './room.ts';
import type { ErrorFrame, JoinedFrame } from './server-frame.ts';
import { type Clock, Timer } from './timer.ts';
import type { Wire } from './wire.ts';

/** What a join frame has beside its rooms, bytes, generously. Names and epochs have no character that JSON or UTF-8 makes longer. */
const FRAME_OVERHEAD = 100;

/** One join frame under way. */
interface Batch {
  readonly id: string;
  /** Those without an answer, by name. */
  readonly rooms: Map<string, Room>;
  /** Errors that came for it: they do not say which room they are about. */
  readonly errors: ErrorFrame[];
  readonly timer: Timer;
}

export interface JoinFramesOptions {
  readonly wire: Wire;
  readonly clock: Clock;
  /** How long an answer may take, milliseconds. */
  readonly timeoutMs: number;
  /** None came. Asking again on this line would not do: the second answer has nothing of what the first one brought. */
  readonly unanswered: () => void;
  readonly backoff: (failures: number) => number;
  readonly newId: () => string;
  /** The room is refused for good. */
  readonly failed: (room: Room, error: ErrorFrame) => void;
}

/**
 * Joins as few frames as the hub takes them in, and finds out which rooms its errors are about: once all answers to a frame are there, those rooms that got none
 * are asked for one by one.
 */
export class JoinFrames {
  readonly #options: JoinFramesOptions;
  readonly #batches = new Map<string, Batch>();
  readonly #retries = new Set<Timer>();
  #frameBytes = Number.POSITIVE_INFINITY;

  constructor(options: JoinFramesOptions) {
    this.#options = options;
  }

  lineUp(frameBytes: number): void {
    this.#frameBytes = frameBytes;
  }

  lineDown(): void {
    for (const { timer } of this.#batches.values()) timer.stop();
    for (const timer of this.#retries) timer.stop();
    this.#batches.clear();
    this.#retries.clear();
  }

  /** Asks for rooms, in as many frames as it takes. Without a line it does nothing. */
  send(rooms: readonly Room[]): void {
    if (!this.#options.wire.up) return;
    let targets: JoinTarget[] = [];
    let members: Room[] = [];
    let bytes = FRAME_OVERHEAD;
    for (const room of rooms) {
      const target: JoinTarget = { room: room.name, since: room.position };
      const size = JSON.stringify(target).length + 1;
      if (targets.length === JOIN_ROOMS_MAX || (targets.length > 0 && bytes + size > this.#frameBytes)) {
        this.#ask(targets, members);
        [targets, members, bytes] = [[], [], FRAME_OVERHEAD];
      }
      targets.push(target);
      members.push(room);
      bytes += size;
    }
    if (targets.length > 0) this.#ask(targets, members);
  }

  /** An answer came, or a part of one. */
  answered({ id, room, more }: JoinedFrame): void {
    const batch = this.#batches.get(id ?? '');
    if (batch === undefined) return;
    batch.timer.start(this.#options.timeoutMs);
    if (!more && batch.rooms.delete(room)) this.#settleWhenAnswered(batch);
  }

  /** Whether the error is about a join. */
  fail(frame: ErrorFrame): boolean {
    const batch = this.#batches.get(frame.id ?? '');
    if (batch === undefined) return false;
    batch.errors.push(frame);
    // The whole frame was refused: there is one error only.
    if (frame.code === 'RATE_LIMITED' || frame.code === 'INVALID_REQUEST') this.#settle(batch);
    else this.#settleWhenAnswered(batch);
    return true;
  }

  #ask(targets: readonly JoinTarget[], rooms: readonly Room[]): void {
    const { wire, clock, timeoutMs, newId, unanswered } = this.#options;
    const id = newId();
    const timer = new Timer(clock, unanswered);
    const batch: Batch = { id, rooms: new Map(rooms.map((room) => [room.name, room])), errors: [], timer };
    this.#batches.set(id, batch);
    timer.start(timeoutMs);
    for (const room of rooms) {
      room.joinId = id;
      room.state = RoomState.joining;
    }
    const [only] = targets;
    wire.send(targets.length === 1 && only !== undefined ? { type: 'join', id, ...only } : { type: 'join', id, rooms: targets });
  }

  #settleWhenAnswered(batch: Batch): void {
    if (batch.errors.length >= batch.rooms.size) this.#settle(batch);
  }

  #settle(batch: Batch): void {
    this.#batches.delete(batch.id);
    batch.timer.stop();
    const left = [...batch.rooms.values()].filter(({ joinId, state }) => joinId === batch.id && state === RoomState.joining);
    const error = batch.errors.at(-1);
    const [only] = left;
    if (only === undefined) return;
    const single = left.length === 1;
    if (error !== undefined && (error.code === 'RATE_LIMITED' || (single && error.retryable))) this.#later(left, error.retryAfter);
    else if (error !== undefined && single) this.#options.failed(only, error);
    else for (const room of left) this.send([room]);
  }

  #later(rooms: readonly Room[], retryAfter: number | undefined): void {
    const { clock, backoff } = this.#options;
    let failures = 0;
    for (const room of rooms) {
      room.state = RoomState.waiting;
      room.joinId = undefined;
      room.failures += 1;
      failures = Math.max(failures, room.failures);
    }
    const timer = new Timer(clock, () => {
      this.#retries.delete(timer);
      this.send(rooms.filter(({ state }) => state === RoomState.waiting));
    });
    this.#retries.add(timer);
    timer.start(retryAfter === undefined ? backoff(failures) : retryAfter * 1000);
  }
}
