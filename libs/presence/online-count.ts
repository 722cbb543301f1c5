import type { RedisLink } from '#libs/redis/redis-link.ts';

/**
 * Distinct users online: the sum of the shards' online sets, polled (P2).
 *
 * A poll costs one command for each shard, whatever the number of users. Publishing each change to
 * all nodes would cost O(connects * nodes) during a connect storm.
 */
export class OnlineCount {
  readonly #link: RedisLink;
  readonly #pollMs: number;
  readonly #counts: number[];
  #sum = 0;
  #reported: number | undefined;
  #polling = false;
  #held = false;
  #timer: NodeJS.Timeout | undefined;
  #report: (count: number) => void = () => undefined;

  constructor(link: RedisLink, pollMs: number) {
    this.#link = link;
    this.#pollMs = pollMs;
    this.#counts = new Array<number>(link.keys.presenceShards).fill(0);
  }

  /** The last known number. */
  get value(): number {
    return this.#sum;
  }

  /** Asks once, then polls. Calls `report` on each change. */
  async start(report: (count: number) => void): Promise<void> {
    this.#report = report;
    await this.ask();
    this.#timer = setInterval(() => void this.#poll(), this.#pollMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /**
   * Takes the count of one shard from the reply of a script, which is newer than any earlier poll.
   */
  note(shard: number, count: number): void {
    if (this.#held) return;
    this.#sum += count - (this.#counts[shard] ?? 0);
    this.#counts[shard] = count;
  }

  /** Keeps the last known count: Redis lost users that will be put back. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
  }

  /** The number now. Rejects with `UNAVAILABLE`. */
  async ask(): Promise<number> {
    const { keys } = this.#link;
    const replies = await Promise.all(
      this.#counts.map(async (_, shard) => {
        const key = keys.online(shard);
        const count = Number(await this.#link.command(key, 'SCARD', key));
        this.note(shard, count);
        return count;
      }),
    );
    return replies.reduce((sum, count) => sum + count, 0);
  }

  async #poll(): Promise<void> {
    if (this.#polling || this.#held) return;
    this.#polling = true;
    try {
      await this.ask();
    } catch {
      // Redis is away: the last known number stands, and the next poll asks again.
    } finally {
      this.#polling = false;
    }
    if (this.#held || this.#sum === this.#reported) return;
    this.#reported = this.#sum;
    this.#report(this.#sum);
  }
}
