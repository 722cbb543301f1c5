/** Limits the bytes of messages that a user may send, over all nodes. */

import type { BucketSize, TokenBuckets } from '#libs/limits/token-buckets.ts';
import { HubError } from '#libs/protocol/errors.ts';

/**
 * Bytes drawn at a time: few at first, more for a user who sends on. Bytes left at the end of a
 * connection are lost.
 */
const FIRST_DRAW = 2048;
const LARGEST_DRAW = 16_384;

/** The bytes that one user has drawn on this node. */
export class ByteCredit {
  /** Bytes drawn and not used. */
  left = 0;
  draw = FIRST_DRAW;
  /**
   * Settles once every message so far has its bytes or is refused; undefined if no message waits.
   */
  turn: Promise<unknown> | undefined;
  /** Messages in that turn. */
  waiting = 0;
  /** Until this moment of the steady clock, milliseconds, nothing can be drawn. */
  emptyUntil = Number.NEGATIVE_INFINITY;
}

export interface UserBytesOptions extends BucketSize {
  readonly buckets: TokenBuckets;
  /** Milliseconds of a steady clock. */
  readonly steady: () => number;
  /** A message was refused. */
  refused(): void;
}

/** A user who sends messages. */
interface Spender {
  readonly id: string;
  readonly credit: ByteCredit;
}

/**
 * Passes messages while their sender has bytes left. All nodes draw from one bucket of the user. A
 * node draws ahead, so few messages wait for an answer. Messages that wait keep their order.
 */
export class UserBytes {
  readonly #options: UserBytesOptions;

  /** `rate` 0: no limit. */
  constructor(options: UserBytesOptions) {
    this.#options = options;
  }

  /**
   * Takes bytes that the node has drawn. False if there are too few, or if an earlier message still
   * waits: then call `draw`. Without a promise: most messages need none (no microtask on the hot
   * path).
   *
   * @throws HubError `RATE_LIMITED`, with the seconds to wait.
   */
  take({ credit }: Spender, bytes: number): boolean {
    if (this.#options.rate === 0) return true;
    if (credit.turn !== undefined) return false;
    const waitMs = credit.emptyUntil - this.#options.steady();
    if (waitMs > 0) throw this.#limited(waitMs);
    if (credit.left < bytes) return false;
    credit.left -= bytes;
    return true;
  }

  /**
   * Draws bytes from the user's bucket and takes them. Calls are settled in their order. Rejects
   * with `HubError` `RATE_LIMITED` (with the seconds to wait), `UNAVAILABLE`.
   */
  draw({ id, credit }: Spender, bytes: number): Promise<void> {
    credit.waiting += 1;
    const turn = (credit.turn ?? Promise.resolve()).then(() => this.#draw(id, credit, bytes));
    credit.turn = turn.catch(() => undefined);
    return turn;
  }

  async #draw(user: string, credit: ByteCredit, bytes: number): Promise<void> {
    try {
      await this.#fill(user, credit, bytes - credit.left);
      credit.left -= bytes;
    } finally {
      credit.waiting -= 1;
      if (credit.waiting === 0) credit.turn = undefined;
    }
  }

  async #fill(user: string, credit: ByteCredit, least: number): Promise<void> {
    if (least <= 0) return;
    const { buckets, steady } = this.#options;
    const { drawn, waitMs } = await buckets.draw('bytes', user, { least, most: Math.max(least, credit.draw) }, this.#options);
    if (drawn === 0) {
      credit.emptyUntil = steady() + waitMs;
      throw this.#limited(waitMs);
    }
    credit.left += drawn;
    credit.draw = Math.min(2 * credit.draw, LARGEST_DRAW);
  }

  #limited(waitMs: number): HubError {
    this.#options.refused();
    return new HubError('RATE_LIMITED', 'You send too many bytes (USER_BYTES_PER_SECOND): wait.', { retryAfter: Math.ceil(waitMs) / 1000 });
  }
}
