import { createHmac } from 'node:crypto';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { RedisLink } from '#libs/redis/redis-link.ts';
import { loadScript } from '#libs/redis/script.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import { LIMITS, type LimitName, type LimitRule, type Limits } from './limits.ts';

export interface RateLimitsOptions {
  /** Where the instances share their counts; undefined: each counts for itself. */
  readonly link: RedisLink | undefined;
  /** Keys the hashes that stand for accounts and addresses: Redis sees neither. */
  readonly key: Uint8Array;
  readonly log: Logger;
  readonly rules?: Readonly<Record<LimitName, LimitRule>>;
}

const TAKE = loadScript(new URL('./lua/take.lua', import.meta.url));

/** Counts in Redis; while that is away, in memory: each instance then grants by itself what they otherwise grant together. */
export class RateLimits implements Limits {
  readonly #options: RateLimitsOptions;
  readonly #limiters = new Map<LimitName, RateLimiterMemory | RateLimiterRedis>();

  constructor(options: RateLimitsOptions) {
    this.#options = options;
    const rules: Readonly<Record<LimitName, LimitRule>> = options.rules ?? LIMITS;
    for (const [name, { points, seconds }] of Object.entries(rules) as [LimitName, LimitRule][]) {
      if (points > 0) this.#limiters.set(name, limiterOf(options.link, points, seconds));
    }
  }

  async take(limit: LimitName, key: string): Promise<number> {
    const limiter = this.#limiters.get(limit);
    if (limiter === undefined) return 0;
    const { link, log } = this.#options;
    const subject = createHmac('sha256', this.#options.key).update(key).digest('base64url').slice(0, 22);
    try {
      await limiter.consume(link?.keys.limit(limit, subject) ?? subject);
      return 0;
    } catch (refused) {
      if (refused instanceof RateLimiterRes) return Math.max(1, Math.ceil(refused.msBeforeNext / 1000));
      log.error({ err: refused, limit }, 'a limit cannot be counted');
      return 0;
    }
  }
}

function limiterOf(link: RedisLink | undefined, points: number, seconds: number): RateLimiterMemory | RateLimiterRedis {
  const options = { points, duration: seconds, keyPrefix: '' };
  const memory = new RateLimiterMemory(options);
  if (link === undefined) return memory;
  // The one command of a client that the package calls, over the link that follows Sentinel and Cluster.
  const storeClient = { rlflxIncr: ([key = '', ...args]: string[]) => link.run(TAKE, [key], args.slice(0, 2)) };
  return new RateLimiterRedis({ ...options, storeClient, insuranceLimiter: memory });
}
