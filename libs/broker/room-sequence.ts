import type { BrokerListener, Position, Publication } from './broker.ts';
import { offsetOf } from './frame-offset.ts';

/** How far the delivery of a room is. */
export const Phase = {
  /** Subscribing: nothing is given to the listener yet. */
  joining: 'joining',
  /** Publications are given as they come. */
  live: 'live',
  /** Something is or may be missing: publications are held until it is made good. */
  filling: 'filling',
  /** Unsubscribed. */
  ended: 'ended',
} as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

/** What a sequence asks of the broker around it. */
export interface SequenceHost {
  readonly listener: BrokerListener;
  /** The sequence went to `filling`: publications are missing between its `last` and what is held. */
  gap(sequence: RoomSequence): void;
  /** The channel went back: the sequence may have begun anew. */
  rewound(sequence: RoomSequence): void;
}

/** A publication, or a signal (offset 0), that came while it could not be given. */
interface Held {
  readonly offset: number;
  readonly payload: Buffer;
}

/** More held publications than this are let go: the stream has them. Bytes. */
const HELD_BYTES = 1024 * 1024;

/**
 * One subscribed room: sees to it that the listener gets each offset once, in order, without a gap (M4).
 *
 * It does no I/O. Who reads the stream for it takes the `round` first: another round means that what was read may miss something.
 */
export class RoomSequence {
  readonly room: string;
  readonly keep: boolean;
  phase: Phase = Phase.joining;
  epoch = '';
  /** Offset of the last publication given, or that needs not be given. */
  last = 0;
  /** Changes whenever live publications may have been missed. */
  round = 0;
  /** Highest offset the channel brought in this round. */
  #seen = 0;
  #backwards = false;
  /** Released once: from then on signals are never held, they have no place in the order. */
  #joined = false;
  #held: Held[] = [];
  #heldBytes = 0;
  readonly #host: SequenceHost;

  constructor(room: string, keep: boolean, host: SequenceHost) {
    this.room = room;
    this.keep = keep;
    this.#host = host;
  }

  /** Takes what came on the room's channel: valid during the call only. */
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
    // Behind a fill the channel still brings what was read from the stream: a repeat. But it never goes back by itself.
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

  /** Live publications may have been missed from here on, or up to now: they are held until `release`. Starts another round. */
  interrupt(): void {
    if (this.phase === Phase.ended) return;
    this.round++;
    this.#drop();
    this.#seen = 0;
    this.#backwards = false;
    if (this.phase === Phase.live) this.phase = Phase.filling;
  }

  /** Fixes where delivery goes on: after a join, or where the sequence was lost. Nothing is told to the listener; `release` comes next. */
  moveTo(position: Position): void {
    this.epoch = position.epoch;
    this.last = position.offset;
    this.phase = Phase.filling;
  }

  /** Gives publications read from the stream. False where they do not follow on the last one. */
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

  /** Gives what was held and goes live. False where something is still missing before it: the stream has to be read again. */
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
