/** The port to token buckets that all nodes share, and its implementation in memory. */

/** The result of a draw. */
export interface Draw {
  /** Tokens taken; 0 if the bucket has fewer than `least`. */
  readonly drawn: number;
  /** Milliseconds until the bucket has `least`; 0 if tokens were taken. */
  readonly waitMs: number;
}

/** The size of a bucket. */
export interface BucketSize {
  /** Tokens a second. More than 0. */
  readonly rate: number;
  /** Tokens of a full bucket. */
  readonly burst: number;
}

/** Token buckets that all nodes share. */
export interface TokenBuckets {
  /**
   * Takes as many tokens as the bucket of a subject has, between `least` and `most`, or none if it
   * has fewer than `least`. A bucket is full at first. Rejects with `HubError` `UNAVAILABLE`.
   *
   * @param name The name of the limit.
   * @param subject A user, or a hash of an address or account.
   */
  draw(name: string, subject: string, tokens: { readonly least: number; readonly most: number }, bucket: BucketSize): Promise<Draw>;
}

/** Above this number of buckets, full ones are dropped. */
const TIDY_ABOVE = 10_000;

/** The buckets of a node that runs alone. */
export class TokenBucketsMemory implements TokenBuckets {
  /** By name and subject: when the bucket is full again, milliseconds of the steady clock. */
  readonly #full = new Map<string, number>();
  readonly #steady: () => number;
  #tidyAbove = TIDY_ABOVE;

  /** @param steady Milliseconds of a steady clock. */
  constructor(steady: () => number = () => performance.now()) {
    this.#steady = steady;
  }

  async draw(name: string, subject: string, tokens: { readonly least: number; readonly most: number }, bucket: BucketSize): Promise<Draw> {
    const { least, most } = tokens;
    const { burst } = bucket;
    const rate = bucket.rate / 1000;
    const now = this.#steady();
    const key = `${name}:${subject}`;
    const full = Math.max(this.#full.get(key) ?? now, now);
    const there = burst - (full - now) * rate;
    const drawn = Math.min(Math.floor(there), most);
    if (drawn < least) return { drawn: 0, waitMs: Math.ceil((least - there) / rate) };
    this.#full.set(key, full + drawn / rate);
    if (this.#full.size > this.#tidyAbove) this.#tidy(now);
    return { drawn, waitMs: 0 };
  }

  #tidy(now: number): void {
    for (const [key, full] of this.#full) if (full <= now) this.#full.delete(key);
    this.#tidyAbove = Math.max(TIDY_ABOVE, 2 * this.#full.size);
  }
}
