import type { AckFrame, ClientFrames, ErrorFrame } from '#libs/protocol/frame-types.ts';
import { FRAME_ID_MAX } from '#libs/protocol/limits.ts';
import { type BackoffOptions, backoffMs } from './backoff.ts';
import { ClientError } from './client-error.ts';
import { deferred } from './deferred.ts';
import { isPrivateRoom } from './room-kinds.ts';
import type { SendQueue } from './send-queue.ts';
import { type Clock, Timer } from './timer.ts';

/**
 * The hub recognises an `id` for 5 minutes (M2). After this time, milliseconds, a message that may
 * have arrived is not sent again.
 */
const REPEATABLE_MS = 270_000;
/** Most bytes of UTF-8 for one UTF-16 unit. */
const UTF8_MAX = 3;

/** A message that the hub accepted. */
export interface SentMessage {
  /** The id that it was sent with. */
  readonly id: string;
  readonly room: string;
  readonly message: AckFrame['message'];
}

/** The options of `send` and `sendTo`. */
export interface SendOptions {
  /** Any JSON value, for the program on the other side. */
  readonly data?: unknown;
  /**
   * An id of `newId()`, so that the application can show the message before its `ack`. At most 64
   * UTF-16 units.
   */
  readonly id?: string;
}

type Target = { readonly room: string } | { readonly to: string };

interface Entry {
  readonly frame: (ClientFrames['message'] | ClientFrames['message_direct']) & { readonly id: string };
  readonly promise: Promise<SentMessage>;
  sent: boolean;
  /**
   * When it was sent first, by both clocks: the wall clock may be set, the steady one may sleep.
   */
  firstSentAt: { readonly now: number; readonly steady: number } | undefined;
  /** Not sent before this time, milliseconds of the steady clock. */
  due: number;
  failures: number;
  resolve(sent: SentMessage): void;
  reject(error: ClientError): void;
}

export interface OutboxOptions {
  readonly wire: SendQueue;
  readonly clock: Clock;
  readonly random: () => number;
  readonly backoff: BackoffOptions;
  readonly queueMax: number;
  /** Milliseconds without an answer after which a message is sent again. */
  readonly answerMs: number;
  /** Whether the room is being joined: its messages wait for that. */
  readonly isEntering: (room: string) => boolean;
}

/**
 * Messages until their `ack`. They are kept without a connection and sent again with the same id,
 * in order in each room.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #timer: Timer;
  #frameBytes = Number.POSITIVE_INFINITY;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#timer = new Timer(options.clock, () => this.pump());
  }

  /**
   * Adds a message. If one with this id waits already, its promise is returned. @throws TypeError,
   * RangeError if no frame can carry it.
   */
  add(id: string, target: Target, text: string, data: unknown): Promise<SentMessage> {
    const known = this.#entries.get(id);
    if (known !== undefined) return known.promise;
    const { queueMax, clock } = this.#options;
    if (this.#entries.size >= queueMax) return Promise.reject(new ClientError('QUEUE_FULL', `${queueMax} messages wait already`, true));
    if (id.length > FRAME_ID_MAX) throw new RangeError(`an id has at most ${FRAME_ID_MAX} characters`);
    // Serialised now: a bad value cannot hold up other messages, and each try sends the same.
    const frame: Entry['frame'] = JSON.parse(JSON.stringify({ type: 'message', id, ...target, text, data }));
    const { promise, resolve, reject } = deferred<SentMessage>();
    this.#entries.set(id, { frame, promise, resolve, reject, sent: false, firstSentAt: undefined, due: clock.steady(), failures: 0 });
    this.pump();
    return promise;
  }

  /** Takes a message back. Returns false if it does not wait. */
  discard(id: string): boolean {
    const entry = this.#take(id);
    entry?.reject(new ClientError('DISCARDED', 'it was taken back'));
    this.pump();
    return entry !== undefined;
  }

  ack({ id, room, message }: AckFrame): void {
    const entry = this.#take(id);
    if (entry !== undefined) entry.resolve({ id: entry.frame.id, room, message });
    this.pump();
  }

  /** Returns whether the error answers a message. If it is retryable, the message is sent again. */
  fail(frame: ErrorFrame): boolean {
    const entry = frame.id === undefined ? undefined : this.#entries.get(frame.id);
    if (entry === undefined) return false;
    if (frame.retryable) {
      const { backoff, random, clock } = this.#options;
      entry.failures += 1;
      entry.sent = false;
      entry.due = clock.steady() + (frame.retryAfter === undefined ? backoffMs(backoff, entry.failures, random) : frame.retryAfter * 1000);
    } else this.#take(frame.id)?.reject(ClientError.from(frame));
    this.pump();
    return true;
  }

  lineUp(frameBytes: number): void {
    this.#frameBytes = frameBytes;
    this.pump();
  }

  lineDown(): void {
    for (const entry of this.#entries.values()) {
      entry.sent = false;
      entry.due = Number.NEGATIVE_INFINITY;
    }
  }

  end(error: ClientError): void {
    for (const id of this.#entries.keys()) this.#take(id)?.reject(error);
    this.#timer.stop();
  }

  /**
   * Sends the messages that are due. A message that waits holds up later ones of the same room
   * only.
   */
  pump(): void {
    const { wire, clock, isEntering } = this.#options;
    if (!wire.up) return;
    const now = clock.steady();
    const heldUp = new Set<string>();
    let next = Number.POSITIVE_INFINITY;
    for (const entry of [...this.#entries.values()]) {
      const place = 'room' in entry.frame ? entry.frame.room : `@${entry.frame.to}`;
      if (entry.due > now) next = Math.min(next, entry.due);
      if (entry.sent && entry.due > now) continue;
      if (entry.due > now || heldUp.has(place) || (!isPrivateRoom(place) && isEntering(place))) heldUp.add(place);
      else next = Math.min(next, this.#send(entry));
    }
    if (next === Number.POSITIVE_INFINITY) this.#timer.stop();
    else this.#timer.start(next - now);
  }

  /** Returns when to look at the message again, milliseconds of the steady clock. */
  #send(entry: Entry): number {
    const { wire, clock, answerMs } = this.#options;
    const { frame } = entry;
    if (entry.firstSentAt !== undefined && passed(entry.firstSentAt, clock) > REPEATABLE_MS) {
      this.#take(frame.id)?.reject(new ClientError('EXPIRED', 'sent long ago and never acked: whether it arrived is not known'));
    } else if (isLarger(JSON.stringify(frame), this.#frameBytes)) {
      this.#take(frame.id)?.reject(new ClientError('TOO_LARGE', `a frame may have ${this.#frameBytes} bytes`));
    } else {
      entry.sent = true;
      // The time for an answer begins when the queue sends the frame. Otherwise slow messages would
      // be queued twice.
      entry.due = Number.POSITIVE_INFINITY;
      wire.send(frame, () => {
        if (this.#entries.get(frame.id) !== entry) return false;
        entry.firstSentAt ??= { now: clock.now(), steady: clock.steady() };
        entry.due = clock.steady() + answerMs;
        if ((this.#timer.due ?? Number.POSITIVE_INFINITY) > entry.due) this.#timer.start(answerMs);
        return true;
      });
      return entry.due;
    }
    return Number.POSITIVE_INFINITY;
  }

  #take(id: string | undefined): Entry | undefined {
    const entry = id === undefined ? undefined : this.#entries.get(id);
    if (entry !== undefined) this.#entries.delete(entry.frame.id);
    return entry;
  }
}

/** The longer time of both clocks. Sending too late could publish a message twice. */
function passed(since: { readonly now: number; readonly steady: number }, clock: Clock): number {
  return Math.max(clock.now() - since.now, clock.steady() - since.steady);
}

function isLarger(text: string, bytes: number): boolean {
  return text.length * UTF8_MAX > bytes && new TextEncoder().encode(text).length > bytes;
}
