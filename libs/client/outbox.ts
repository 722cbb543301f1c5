import type { AckFrame, ClientFrames, ErrorFrame } from '#libs/protocol/frame-types.ts';
import { FRAME_ID_MAX } from '#libs/protocol/limits.ts';
import { type BackoffOptions, backoffMs } from './backoff.ts';
import { ClientError } from './client-error.ts';
import { isPrivateRoom } from './room-kinds.ts';
import type { SendQueue } from './send-queue.ts';
import { type Clock, Timer } from './timer.ts';

/** The hub knows an `id` again for 5 minutes (M2). After so long a message that may have arrived is not sent again, milliseconds. */
const REPEATABLE_MS = 270_000;
/** UTF-8 takes at most so many bytes for one UTF-16 unit. */
const UTF8_MAX = 3;

/** A message that the hub has taken. */
export interface SentMessage {
  /** What it was sent with. */
  readonly id: string;
  readonly room: string;
  readonly message: AckFrame['message'];
}

export interface SendOptions {
  /** Any JSON value, for the program on the other side. */
  readonly data?: unknown;
  /** Made beforehand by `newId()`, for who shows the message before it is acked. */
  readonly id?: string;
}

type Target = { readonly room: string } | { readonly to: string };

interface Entry {
  readonly frame: (ClientFrames['message'] | ClientFrames['message_direct']) & { readonly id: string };
  readonly promise: Promise<SentMessage>;
  sent: boolean;
  /** The first time it went out, by both clocks: one may have been set, the other may have slept. */
  firstSentAt: { readonly now: number; readonly steady: number } | undefined;
  /** Milliseconds of the steady clock: not before. */
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
  /** After so long without an answer a message goes out again, milliseconds. */
  readonly answerMs: number;
  /** Whether the room of a message is on its way to be joined: it waits for that. */
  readonly isEntering: (room: string) => boolean;
}

/** Messages until they are acked: kept while there is no line, sent again with the same id, in the order they were written for each room. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #timer: Timer;
  #frameBytes = Number.POSITIVE_INFINITY;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#timer = new Timer(options.clock, () => this.pump());
  }

  /** A message that waits already under this id is not sent twice. @throws TypeError, RangeError for what no frame can carry. */
  add(id: string, target: Target, text: string, data: unknown): Promise<SentMessage> {
    const known = this.#entries.get(id);
    if (known !== undefined) return known.promise;
    const { queueMax, clock } = this.#options;
    if (this.#entries.size >= queueMax) return Promise.reject(new ClientError('QUEUE_FULL', `${queueMax} messages wait already`, true));
    if (id.length > FRAME_ID_MAX) throw new RangeError(`an id has at most ${FRAME_ID_MAX} characters`);
    // As it is now: what cannot be sent shall not hold up the others, and each try is to say the same.
    const frame: Entry['frame'] = JSON.parse(JSON.stringify({ type: 'message', id, ...target, text, data }));
    const { promise, resolve, reject } = Promise.withResolvers<SentMessage>();
    this.#entries.set(id, { frame, promise, resolve, reject, sent: false, firstSentAt: undefined, due: clock.steady(), failures: 0 });
    this.pump();
    return promise;
  }

  /** Gives a message up. False if it does not wait. */
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

  /** Whether the error is about a message sent here. One that may succeed later goes out again. */
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

  /** Sends what can go. What has to wait holds up what was written after it for the same room, and nothing else. */
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

  /** Returns when it is to be looked at again, milliseconds of the steady clock. */
  #send(entry: Entry): number {
    const { wire, clock, answerMs } = this.#options;
    const { frame } = entry;
    if (entry.firstSentAt !== undefined && passed(entry.firstSentAt, clock) > REPEATABLE_MS) {
      this.#take(frame.id)?.reject(new ClientError('EXPIRED', 'sent long ago and never acked: whether it arrived is not known'));
    } else if (isLarger(JSON.stringify(frame), this.#frameBytes)) {
      this.#take(frame.id)?.reject(new ClientError('TOO_LARGE', `a frame may have ${this.#frameBytes} bytes`));
    } else {
      entry.sent = true;
      // The time for an answer begins with its turn: many that wait for theirs are not to be put in line again.
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

/** The longer of what both clocks say: who sends again too late says a message twice. */
function passed(since: { readonly now: number; readonly steady: number }, clock: Clock): number {
  return Math.max(clock.now() - since.now, clock.steady() - since.steady);
}

function isLarger(text: string, bytes: number): boolean {
  return text.length * UTF8_MAX > bytes && new TextEncoder().encode(text).length > bytes;
}
