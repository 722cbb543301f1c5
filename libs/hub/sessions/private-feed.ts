/**
 * The messages of a private room on their way to a user on this node (R5): one position for all of
 * the user's connections here.
 */
import type { Position } from '#libs/broker/broker.ts';
import { DeliveryState } from './delivery.ts';

/** A message that came over the user's own channel. */
export interface Arrival {
  readonly offset: number;
  readonly frame: Buffer;
  /**
   * The sequence that the offset is of; undefined in rooms that keep history, whose offsets never
   * fall (M3).
   */
  readonly epoch: string | undefined;
}

/**
 * `asking`: the store is asked whether the room is the user's, and for the cursor. `recovering`:
 * what lies between is read. Arrivals are held in both.
 */
type FeedState = typeof DeliveryState.asking | typeof DeliveryState.recovering | typeof DeliveryState.live;

export class PrivateFeed {
  #state: FeedState;
  #offset: number;
  #epoch: string | undefined;
  /**
   * If the feed began without a cursor: the first offset that it handed over. If it has a cursor:
   * 0.
   */
  #first = 0;
  #acknowledged = 0;
  #held: Arrival[] | undefined;

  private constructor(
    state: FeedState,
    { epoch, offset }: { readonly epoch: string | undefined; readonly offset: number },
    held?: Arrival[],
  ) {
    this.#state = state;
    this.#epoch = epoch;
    this.#offset = offset;
    this.#held = held;
  }

  /** A feed that begins with its first message. It is `asking` until `begin`. */
  static from(first: Arrival): PrivateFeed {
    return new PrivateFeed(DeliveryState.asking, { epoch: first.epoch, offset: 0 }, [first]);
  }

  /** A feed that is live: everything up to this position was delivered. */
  static at(offset: number, epoch?: string): PrivateFeed {
    return new PrivateFeed(DeliveryState.live, { epoch, offset });
  }

  get state(): FeedState {
    return this.#state;
  }

  /** The newest offset handed to the user's connections, or known to have been delivered before. */
  get offset(): number {
    return this.#offset;
  }

  /** The sequence that the offset is of; undefined in rooms that keep history. */
  get epoch(): string | undefined {
    return this.#epoch;
  }

  /** The offset that the user's cursor was last moved to from here. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  hold(arrival: Arrival): void {
    this.#held?.push(arrival);
  }

  /** Takes the lowest message that is held. */
  next(): Arrival | undefined {
    const next = this.#held?.sort((one, other) => one.offset - other.offset).shift();
    // Messages from before the room kept history are of the same sequence.
    return next === undefined || this.#epoch !== undefined ? next : { ...next, epoch: undefined };
  }

  /**
   * The user is a member. The messages between the cursor and the lowest held one have to be read.
   * Without a cursor, in a room that keeps only a stream, the feed begins with the lowest held
   * message.
   */
  begin(cursor: number | undefined): void {
    const lowest = Math.min(...(this.#held ?? []).map(({ offset }) => offset));
    this.#state = DeliveryState.recovering;
    this.deliveredUpTo(Math.min(cursor ?? lowest, lowest - 1));
    if (cursor === undefined) this.#first = lowest;
    else this.#acknowledged = cursor;
  }

  /** Something may be missing: arrivals are held until `live`. */
  recover(first?: Arrival): void {
    this.#state = DeliveryState.recovering;
    this.#held = first === undefined ? [] : [first];
  }

  /** Nothing is held any more. */
  live(): void {
    this.#state = DeliveryState.live;
    this.#held = undefined;
  }

  /** Everything up to this offset was handed to the connections, or delivered otherwise. */
  deliveredUpTo(offset: number): void {
    this.#offset = Math.max(this.#offset, offset);
  }

  /**
   * Whether a message comes after later ones that were handed over: their signals swapped places as
   * the feed began.
   */
  isLate({ offset, epoch }: Arrival): boolean {
    return offset < this.#first && epoch === this.#epoch;
  }

  /** A late message was reported by `resync`, with every message after it. */
  lateReported(offset: number): void {
    this.#first = Math.min(this.#first, offset);
  }

  /** The room keeps history from now on: its offsets never fall. */
  keepsHistory(): void {
    this.#epoch = undefined;
    this.#first = 0;
  }

  /** The sequence began anew, or went back. */
  restart({ epoch, offset }: Position): void {
    this.#offset = offset;
    if (this.#epoch !== undefined) this.#epoch = epoch;
    this.#acknowledged = Math.min(this.#acknowledged, offset);
    this.#first = 0;
  }

  /** The sequence goes on under this epoch. */
  follow(epoch: string): void {
    this.#epoch = epoch;
  }

  /**
   * Whether a room's sequence is another one than this: Redis lost it, or came back with older
   * data.
   *
   * @param from The offset of the feed as the position was asked for.
   */
  isOtherThan({ epoch, offset }: Position, from = this.#offset): boolean {
    return offset < from || (this.#epoch !== undefined && this.#epoch !== epoch);
  }

  /** The user's cursor is moved up to this offset. */
  acknowledge(offset: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, offset);
  }

  /** The store did not take it: the next receipt moves the cursor. */
  notAcknowledged(): void {
    this.#acknowledged = 0;
  }
}
