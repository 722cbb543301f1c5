/** How often a client may try something on the API, and where the counts are kept. */
import { createHmac } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { addressKey, clientAddress } from '#libs/http/client-address.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { loadScript, type RedisLink } from '#libs/redis/redis-link.ts';
import type { Logger } from '#libs/telemetry/logger.ts';

/** Grants of one key in one window. */
export interface LimitRule {
  /** 0: no limit. */
  readonly points: number;
  readonly seconds: number;
}

/**
 * By account (address or name), by the client's address, which may be a whole school's, and by who
 * asks. A browser that an account knows has limits of its own: no stranger uses them up.
 */
export const LIMITS = {
  codePerAccountAndAddress: { points: 5, seconds: 600 },
  codePerAccount: { points: 30, seconds: 600 },
  codePerAddress: { points: 100, seconds: 600 },
  codePerDevice: { points: 5, seconds: 600 },
  verifyPerAddress: { points: 300, seconds: 600 },
  verifyPerDevice: { points: 60, seconds: 600 },
  registerPerAddress: { points: 100, seconds: 600 },
  refreshPerAddress: { points: 600, seconds: 60 },
  loginPerNameAndAddress: { points: 10, seconds: 600 },
  loginPerAddress: { points: 100, seconds: 600 },
  loginPerDevice: { points: 60, seconds: 600 },
  keysPerAddress: { points: 300, seconds: 60 },
  guestsPerAddress: { points: 120, seconds: 60 },
  customersPerAddress: { points: 120, seconds: 60 },
  roomsPerUser: { points: 60, seconds: 60 },
  roomChangesPerUser: { points: 120, seconds: 60 },
  matchesPerUser: { points: 120, seconds: 60 },
  historyPagesPerUser: { points: 20, seconds: 1 },
  conversationsPerUser: { points: 20, seconds: 60 },
} as const satisfies Record<string, LimitRule>;

export type LimitName = keyof typeof LIMITS;

/** Counts tries. All API instances share what they count, where a backend is there to share. */
export interface Limits {
  /**
   * Takes one: 0 where it is granted, otherwise the seconds to wait (at least 1). Never rejects.
   */
  take(limit: LimitName, key: string): Promise<number>;
}

/**
 * Takes one of each, in this order, until one is not granted: throws `HubError` `RATE_LIMITED`.
 * What others share comes last: who is refused before takes none of it.
 */
export async function requireLimits(limits: Limits, ...takes: readonly (readonly [LimitName, string])[]): Promise<void> {
  for (const [limit, key] of takes) {
    const wait = await limits.take(limit, key);
    if (wait > 0) throw new HubError('RATE_LIMITED', undefined, { retryAfter: wait });
  }
}

declare module 'fastify' {
  interface FastifyInstance {
    /** `TRUSTED_PROXY_HOPS`; undefined if no proxy is believed. */
    readonly trustedProxyHops?: number;
  }
}

/** What limits by address go by (`addressKey`). */
export function clientKey({ headers, server, socket }: Pick<FastifyRequest, 'headers' | 'server' | 'socket'>): string {
  const forwardedFor = [headers['x-forwarded-for'] ?? []].flat().join(',');
  return addressKey(clientAddress(socket.remoteAddress ?? '', forwardedFor, server.trustedProxyHops ?? 0));
}

export interface RateLimitsOptions {
  /** Where the instances share their counts; undefined: each counts for itself. */
  readonly link: RedisLink | undefined;
  /** Keys the hashes that stand for accounts and addresses: Redis sees neither. */
  readonly key: Uint8Array;
  readonly log: Logger;
  readonly rules?: Readonly<Record<LimitName, LimitRule>>;
}

const TAKE = loadScript(new URL('./lua/take.lua', import.meta.url));

/**
 * Counts in Redis; while that is away, in memory: each instance then grants by itself what they
 * otherwise grant together.
 */
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
