/** Admission of messages: holds publishers back before messages wait long (`BUSY`). */
import type { Room } from '#libs/hub/rooms/room.ts';

/** Messages under way at once in one lane of a node. */
export const IN_FLIGHT_MAX = 4096;
/** With fewer messages under way, or answered since, a slow one does not show that this node is loaded. */
const IN_FLIGHT_CALM = 64;
/**
 * A message that waits longer than this, milliseconds, is one too many. Pauses of the garbage
 * collector are shorter. A commit of PostgreSQL may take longer, and is no sign of load.
 */
export const SlowMs = { unstored: 50, stored: 100 } as const;
/** So many slow answers in a row: a single one may be a retry. */
const SLOW_ANSWERS = 8;
/** Milliseconds after which a sample is given up. */
const SAMPLE_MS = 1000;

/** A message that was acked before this node's relay showed it. */
interface Sample {
  readonly room: Pick<Room, 'epoch' | 'offset'>;
  readonly epoch: string;
  readonly offset: number;
  /** When its frame came. */
  readonly since: number;
  /** Deliveries of this node, and answers of the lane, by then. */
  readonly delivered: number;
  readonly answers: number;
}

/**
 * Messages that wait for the same backend. Decides whether one more may.
 *
 * Offered more than it can deliver, a node takes what it can and refuses the rest at once, so that
 * nobody waits long. Worked example: 4,000 messages a second come where 2,000 are delivered. After
 * 200 ms the queue holds 400 of them, the oldest took 100 ms, and further ones are refused until the
 * answers come in less than that again.
 */
export class Lane {
  inFlight = 0;
  readonly #slowMs: number;
  readonly #delivered: () => number;
  #slow = 0;
  #answers = 0;
  #sample: Sample | undefined;

  /**
   * @param slowMs Of `SlowMs`.
   * @param delivered The deliveries of this node so far.
   */
  constructor(slowMs: number, delivered: () => number) {
    this.#slowMs = slowMs;
    this.#delivered = delivered;
  }

  /** Whether a further message would wait too long. `now`: milliseconds of a steady clock. */
  full(now: number): boolean {
    if (this.inFlight >= IN_FLIGHT_MAX) return true;
    if (this.#slow >= SLOW_ANSWERS && this.inFlight >= IN_FLIGHT_CALM) return true;
    return this.#isBehind(now);
  }

  /** A message was answered after so many milliseconds. */
  answered(ms: number): void {
    this.inFlight -= 1;
    this.#answers += 1;
    this.#slow = ms > this.#slowMs ? this.#slow + 1 : 0;
  }

  /**
   * A message of a room that the sender is in was acked. If this node's relay has not shown it yet,
   * it may become the sample of how far the relay is behind.
   */
  acked(room: Pick<Room, 'epoch' | 'offset'>, offset: number, since: number): void {
    if (this.#sample !== undefined || room.offset >= offset) return;
    this.#sample = { room, epoch: room.epoch, offset, since, delivered: this.#delivered(), answers: this.#answers };
  }

  /**
   * Whether a busy relay shows messages, but late. If it shows none at all, its subscription is
   * lost: then publishing goes on, since members get their messages once it is back.
   */
  #isBehind(now: number): boolean {
    const sample = this.#sample;
    if (sample === undefined) return false;
    const age = now - sample.since;
    if (sample.room.offset >= sample.offset || sample.room.epoch !== sample.epoch || age > SAMPLE_MS) {
      this.#sample = undefined;
      return false;
    }
    const isBusy = this.#answers - sample.answers >= IN_FLIGHT_CALM && this.#delivered() !== sample.delivered;
    return isBusy && age > this.#slowMs;
  }
}
