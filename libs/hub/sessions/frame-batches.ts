/**
 * Frames for connections that take arrays of frames (F9). What is published to a topic within some
 * milliseconds reaches them as one text frame: a JSON array.
 */
import type { Clock } from '#libs/hub/ports/clock.ts';
import { EVERYONE, type Fanout, messagesTopic } from '#libs/hub/ports/socket.ts';
import { BATCH_BYTES_MAX, BATCH_FRAMES_MAX } from '#libs/protocol/limits.ts';

/** A connection, as arrays need it. */
export interface BatchReceiver {
  /** Sends a finished text frame, in one write with what was published to its topics before. */
  publishAlone(text: string, fanout: Fanout): void;
  publishToOthers(topic: string, frame: string): void;
}

/** How long frames are held, milliseconds. A timer may be a millisecond late: F9 allows ten. */
const HOLD_MS = 9;

const OPEN = 0x5b;
const COMMA = 0x2c;
const CLOSE = 0x5d;

/** The topic beside `topic`, of the connections that take arrays. */
function batchTopic(topic: string): string {
  return `b:${topic}`;
}

/** A frame as a text frame of its own: an array with one item. */
export function arrayOf(frame: string | Uint8Array): string | Uint8Array {
  return typeof frame === 'string' ? `[${frame}]` : Buffer.concat([Buffer.of(OPEN), frame, Buffer.of(CLOSE)]);
}

/** The frames held for one topic: the array up to its last item. */
class Batch {
  readonly topic: string;
  subscribers = 0;
  frames = 0;
  /** Undefined while nothing is held. */
  bytes: Buffer | undefined;
  length = 0;

  constructor(topic: string) {
    this.topic = batchTopic(topic);
  }

  /** Whether one more frame would be too much for one array. */
  isFullFor(bytes: number): boolean {
    return this.frames === BATCH_FRAMES_MAX || this.length + bytes + 2 > BATCH_BYTES_MAX;
  }
}

/** Acks that wait for one connection. */
interface HeldAcks {
  readonly frames: string[];
  length: number;
}

/**
 * Publishes to every subscriber of a topic: at once to those that take single frames, in arrays to
 * the others.
 *
 * Order holds: frames of one topic stay in order, and a frame that is sent to one connection comes
 * after everything published to its topics before.
 *
 * Cost: for each message a copy of its bytes, and none for each receiver. A hub without connections
 * that take arrays pays one comparison.
 */
export class FrameBatches implements Fanout {
  readonly #fanout: Fanout;
  readonly #clock: Pick<Clock, 'wait'>;
  /** The topics with subscribers that take arrays. */
  readonly #batches = new Map<string, Batch>();
  readonly #waiting = new Set<Batch>();
  readonly #acks = new Map<BatchReceiver, HeldAcks>();
  /** Buffers of `BATCH_BYTES_MAX` that hold nothing now. */
  readonly #spare: Buffer[] = [];
  #isTimed = false;

  constructor(fanout: Fanout, clock: Pick<Clock, 'wait'>) {
    this.#fanout = fanout;
    this.#clock = clock;
  }

  /** As `Fanout.publish`. `frame` may change after the call. */
  publish(topic: string, frame: string | Uint8Array, receivers: number): void {
    const batch = this.#batches.size === 0 ? undefined : this.#batches.get(topic);
    if (batch === undefined) {
      this.#fanout.publish(topic, frame, receivers);
      return;
    }
    // For everybody `receivers` is a number of users: connections without arrays may be left.
    if (receivers > batch.subscribers || topic === EVERYONE) this.#fanout.publish(topic, frame, Math.max(0, receivers - batch.subscribers));
    const messages = messagesTopic(topic);
    if (messages === undefined) {
      this.#hold(batch, frame);
      return;
    }
    // An event has its place among the messages (M7), which have a topic of their own.
    const before = this.#batches.get(messages);
    if (before !== undefined) this.#flush(before);
    this.#fanout.publish(batch.topic, arrayOf(frame), batch.subscribers);
  }

  /** As `publish`, at once, to all subscribers but the connection. */
  publishToOthers(connection: BatchReceiver, topic: string, frame: string): void {
    connection.publishToOthers(topic, frame);
    const batch = this.#batches.get(topic);
    if (batch === undefined) return;
    this.#flush(batch);
    connection.publishToOthers(batch.topic, `[${frame}]`);
  }

  /** A connection that takes arrays subscribes. Returns the topic of the network. */
  subscribe(topic: string): string {
    let batch = this.#batches.get(topic);
    if (batch === undefined) {
      batch = new Batch(topic);
      this.#batches.set(topic, batch);
    }
    // Its position is after everything that is held.
    this.#flush(batch);
    batch.subscribers += 1;
    return batch.topic;
  }

  /** A connection that takes arrays is about to unsubscribe, or is gone. Returns as `subscribe`. */
  unsubscribe(topic: string): string {
    const batch = this.#batches.get(topic);
    if (batch === undefined) return batchTopic(topic);
    this.#flush(batch);
    batch.subscribers -= 1;
    if (batch.subscribers === 0) this.#batches.delete(topic);
    return batch.topic;
  }

  /** Holds an ack for a connection that takes arrays. */
  holdAck(connection: BatchReceiver, frame: string): void {
    const held = this.#acks.get(connection);
    const bytes = Buffer.byteLength(frame) + 1;
    if (held === undefined) this.#acks.set(connection, { frames: [frame], length: bytes + 1 });
    else if (held.frames.length === BATCH_FRAMES_MAX || held.length + bytes > BATCH_BYTES_MAX) {
      this.#sendAcks(connection, held);
      this.#acks.set(connection, { frames: [frame], length: bytes + 1 });
    } else {
      held.frames.push(frame);
      held.length += bytes;
    }
    this.#arm();
  }

  /** Sends what is held for a connection: of these topics, then its acks. */
  flushTo(connection: BatchReceiver, topics: Iterable<string>): void {
    if (this.#waiting.size > 0) {
      for (const topic of topics) {
        const batch = this.#batches.get(topic);
        if (batch !== undefined) this.#flush(batch);
      }
    }
    const held = this.#acks.get(connection);
    if (held !== undefined) this.#sendAcks(connection, held);
  }

  #hold(batch: Batch, frame: string | Uint8Array): void {
    const bytes = typeof frame === 'string' ? Buffer.byteLength(frame) : frame.length;
    if (batch.isFullFor(bytes)) this.#flush(batch);
    if (bytes + 2 > BATCH_BYTES_MAX) {
      this.#fanout.publish(batch.topic, arrayOf(frame), batch.subscribers);
      return;
    }
    batch.bytes ??= this.#spare.pop() ?? Buffer.allocUnsafeSlow(BATCH_BYTES_MAX);
    batch.bytes[batch.length] = batch.frames === 0 ? OPEN : COMMA;
    if (typeof frame === 'string') batch.bytes.write(frame, batch.length + 1);
    else batch.bytes.set(frame, batch.length + 1);
    batch.length += bytes + 1;
    batch.frames += 1;
    this.#waiting.add(batch);
    this.#arm();
  }

  #flush(batch: Batch): void {
    const { bytes } = batch;
    if (bytes === undefined) return;
    bytes[batch.length] = CLOSE;
    this.#fanout.publish(batch.topic, bytes.subarray(0, batch.length + 1), batch.subscribers);
    this.#waiting.delete(batch);
    this.#spare.push(bytes);
    batch.bytes = undefined;
    batch.length = 0;
    batch.frames = 0;
  }

  #sendAcks(connection: BatchReceiver, { frames }: HeldAcks): void {
    this.#acks.delete(connection);
    connection.publishAlone(`[${frames.join()}]`, this.#fanout);
  }

  #arm(): void {
    if (this.#isTimed) return;
    this.#isTimed = true;
    void this.#clock.wait(HOLD_MS).then(() => this.#flushAll());
  }

  /** All in one turn: what one socket gets leaves in one write. */
  #flushAll(): void {
    this.#isTimed = false;
    for (const batch of this.#waiting) this.#flush(batch);
    for (const [connection, held] of this.#acks) this.#sendAcks(connection, held);
  }
}
