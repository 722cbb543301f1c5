/** Rate limits of the API, and the place of their counts. */
import { createHmac } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { addressKey, clientAddress } from '#libs/http/client-address.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { loadScript, type RedisLink } from '#libs/redis/redis-link.ts';
import type { Logger } from '#libs/telemetry/logger.ts';

/** A limit: requests of one key in one window. */
export interface LimitRule {
  /** Requests granted in one window. 0: no limit. */
  readonly points: number;
  /** Length of a window in seconds. It begins with the first request. */
  readonly seconds: number;
}

/**
 * The limits by account (mail address or name), by user, by device, and by the client's address,
 * which a whole school may share. A browser that an account knows has limits of its own, so
 * strangers cannot use them up.
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

/** The name of a limit. */
export type LimitName = keyof typeof LIMITS;

/** Counts requests. All API instances share the counts if they share a Redis. */
export interface Limits {
  /**
   * Counts one request. Resolves to 0 if it is granted, otherwise to the seconds to wait (at least
   * 1). Never rejects.
   */
  take(limit: LimitName, key: string): Promise<number>;
}

/**
 * Counts one request for each limit, in this order, and stops at the first that does not grant it.
 * Put limits that clients share last: a request that is rejected earlier does not use them up.
 *
 * Rejects with `HubError` `RATE_LIMITED`; `retryAfter` is in seconds.
 */
export async function requireLimits(limits: Limits, ...takes: readonly (readonly [LimitName, string])[]): Promise<void> {
  for (const [limit, key] of takes) {
    const wait = await limits.take(limit, key);
    if (wait > 0) throw new HubError('RATE_LIMITED', undefined, { retryAfter: wait });
  }
}

declare module 'fastify' {
  interface FastifyInstance {
    /** `TRUSTED_PROXY_HOPS`. If it is undefined, no proxy is trusted. */
    readonly trustedProxyHops?: number;
  }
}

/** Returns the key of the client for limits by address (`addressKey`). */
export function clientKey({ headers, server, socket }: Pick<FastifyRequest, 'headers' | 'server' | 'socket'>): string {
  const forwardedFor = [headers['x-forwarded-for'] ?? []].flat().join(',');
  return addressKey(clientAddress(socket.remoteAddress ?? '', forwardedFor, server.trustedProxyHops ?? 0));
}

/** The parts of `RateLimits`. */
export interface RateLimitsOptions {
  /** The Redis that holds the counts. Undefined: each instance counts for itself. */
  readonly link: RedisLink | undefined;
  /** The key for hashes of accounts and addresses. Redis sees neither of them. */
  readonly key: Uint8Array;
  readonly log: Logger;
  /** Learns each refusal. */
  readonly refused?: (limit: LimitName) => void;
  /** Default `LIMITS`. */
  readonly rules?: Readonly<Record<LimitName, LimitRule>>;
}

const TAKE = loadScript(new URL('./lua/take.lua', import.meta.url));

/**
 * Counts in Redis, or in memory while Redis is away. Each instance then grants alone as much as all
 * grant together otherwise.
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
    const { link, log, refused: report } = this.#options;
    const subject = createHmac('sha256', this.#options.key).update(key).digest('base64url').slice(0, 22);
    try {
      await limiter.consume(link?.keys.limit(limit, subject) ?? subject);
      return 0;
    } catch (refused) {
      if (refused instanceof RateLimiterRes) {
        report?.(limit);
        return Math.max(1, Math.ceil(refused.msBeforeNext / 1000));
      }
      log.error({ err: refused, limit }, 'a limit cannot be counted');
      return 0;
    }
  }
}

function limiterOf(link: RedisLink | undefined, points: number, seconds: number): RateLimiterMemory | RateLimiterRedis {
  const options = { points, duration: seconds, keyPrefix: '' };
  const memory = new RateLimiterMemory(options);
  if (link === undefined) return memory;
  // The package calls only this one command of a client. The link follows Sentinel and Cluster.
  const storeClient = { rlflxIncr: ([key = '', ...args]: string[]) => link.run(TAKE, [key], args.slice(0, 2)) };
  return new RateLimiterRedis({ ...options, storeClient, insuranceLimiter: memory });
}
