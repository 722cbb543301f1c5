/** The delivery of one room, in order and without a gap (M4). */
import type { BrokerListener, Position, Publication } from './broker.ts';

/** The state of a room's delivery. */
export const Phase = {
  /** Subscribing. The listener gets nothing yet. */
  joining: 'joining',
  /** The listener gets publications as they arrive. */
  live: 'live',
  /** Publications are or may be missing. Later ones are held until the gap is filled. */
  filling: 'filling',
  /** Unsubscribed. */
  ended: 'ended',
} as const;
/** A phase of a room's delivery. */
export type Phase = (typeof Phase)[keyof typeof Phase];

/** The broker, as a sequence needs it. */
export interface SequenceHost {
  readonly listener: BrokerListener;
  /**
   * The sequence changed to `filling`: publications are missing between `last` and the held ones.
   */
  gap(sequence: RoomSequence): void;
  /** The channel's offsets went back: the sequence may have begun again. */
  rewound(sequence: RoomSequence): void;
}

/** A publication, or a signal (offset 0), that could not be delivered yet. */
interface Held {
  readonly offset: number;
  readonly payload: Buffer;
}

/**
 * The most bytes of held payloads. If there are more, all are dropped: the stream has the
 * publications.
 */
const HELD_BYTES = 1024 * 1024;

/**
 * One subscribed room. The listener gets each offset once, in order, without a gap (M4).
 *
 * It does no I/O. A reader of the stream notes `round` first. If `round` changed during the read,
 * the result may lack publications.
 */
export class RoomSequence {
  readonly room: string;
  readonly keep: boolean;
  phase: Phase = Phase.joining;
  epoch = '';
  /** The offset of the last publication that was delivered or need not be. */
  last = 0;
  /** Changes whenever live publications may have been missed. */
  round = 0;
  /** The highest offset from the channel in this round. */
  #seen = 0;
  #backwards = false;
  /**
   * Set by the first release. From then on signals are not held: they have no place in the order.
   */
  #joined = false;
  #held: Held[] = [];
  #heldBytes = 0;
  readonly #host: SequenceHost;

  constructor(room: string, keep: boolean, host: SequenceHost) {
    this.room = room;
    this.keep = keep;
    this.#host = host;
  }

  /** Takes a payload of the room's channel. The bytes are valid during the call only. */
  accept(payload: Buffer): void {
    const offset = this.keep ? offsetOf(payload) : 0;
    if (offset === this.last + 1 && this.phase === Phase.live) {
      this.last = offset;
      this.#seen = offset;
      this.#host.listener.publication(this.room, offset, payload);
      return;
    }
    if (offset === 0) {
      if (!this.#joined) this.#hold(0, payload);
      else if (this.phase !== Phase.ended) this.#host.listener.signal(`r:${this.room}`, payload);
      return;
    }
    // After a fill the channel repeats publications that were read from the stream. Its own offsets
    // never go back.
    const backwards = offset <= this.#seen;
    if (!backwards) this.#seen = offset;
    if (this.phase === Phase.live) {
      if (backwards) this.#host.rewound(this);
      if (offset <= this.last) return;
      this.#hold(offset, payload);
      this.phase = Phase.filling;
      this.#host.gap(this);
    } else if (this.phase !== Phase.ended) {
      if (backwards) this.#backwards = true;
      this.#hold(offset, payload);
    }
  }

  /**
   * Call it if publications may have been missed, or will be. Later ones are held until `release`.
   * Starts a new round.
   */
  interrupt(): void {
    if (this.phase === Phase.ended) return;
    this.round++;
    this.#drop();
    this.#seen = 0;
    this.#backwards = false;
    if (this.phase === Phase.live) this.phase = Phase.filling;
  }

  /**
   * Sets the position after which delivery continues, after a join or a loss. Does not call the
   * listener; call `release` next.
   */
  moveTo(position: Position): void {
    this.epoch = position.epoch;
    this.last = position.offset;
    this.phase = Phase.filling;
  }

  /**
   * Delivers publications that were read from the stream. Returns false if they do not follow the
   * last one.
   */
  fill(publications: readonly Publication[]): boolean {
    for (const { offset, frame } of publications) {
      if (offset <= this.last) continue;
      if (offset !== this.last + 1) return false;
      this.last = offset;
      this.#host.listener.publication(this.room, offset, frame);
      if (this.phase === Phase.ended) return true;
    }
    return true;
  }

  /**
   * Delivers the held publications and goes live. Returns false if some are still missing: the
   * stream must be read again.
   */
  release(): boolean {
    const held = this.#held;
    this.#drop();
    this.#joined = true;
    for (const [index, { offset, payload }] of held.entries()) {
      if (offset === 0) {
        this.#host.listener.signal(`r:${this.room}`, payload);
      } else if (offset > this.last) {
        if (offset !== this.last + 1) {
          this.#held = held.slice(index);
          return false;
        }
        this.last = offset;
        this.#host.listener.publication(this.room, offset, payload);
      }
      if (this.phase === Phase.ended) return true;
    }
    if (this.#seen > this.last) return false;
    this.phase = Phase.live;
    if (this.#backwards) {
      this.#backwards = false;
      this.#host.rewound(this);
    }
    return true;
  }

  /** Ends the delivery. The listener gets nothing afterwards. */
  end(): void {
    this.phase = Phase.ended;
    this.#joined = true;
    this.#drop();
  }

  #hold(offset: number, payload: Buffer): void {
    this.#heldBytes += payload.length;
    if (this.#heldBytes > HELD_BYTES) this.#drop();
    else this.#held.push({ offset, payload: Buffer.from(payload) });
  }

  #drop(): void {
    this.#held = [];
    this.#heldBytes = 0;
  }
}

/**
 * Reads the offset from a publication's fixed head `{"offset":N,` without parsing JSON. Returns 0
 * for any other payload, which is a signal. It checks only four bytes: the broker writes all
 * payloads, and no signal starts like this.
 */
export function offsetOf(payload: Uint8Array): number {
  if (payload[0] !== 0x7b || payload[2] !== 0x6f || payload[5] !== 0x73 || payload[9] !== 0x3a) return 0;
  let offset = 0;
  for (let index = 10; ; index++) {
    const digit = (payload[index] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return offset;
    offset = offset * 10 + digit;
  }
}
