/** How often the API lets something be tried. */

import type { FastifyRequest } from 'fastify';
import { addressKey, clientAddress } from '#libs/http/client-address.ts';
import { HubError } from '#libs/protocol/errors.ts';

/** Grants of one key in one window. */
export interface LimitRule {
  /** 0: no limit. */
  readonly points: number;
  readonly seconds: number;
}

/**
 * By account (address or name), by the client's address, which may be a whole school's, and by who asks. A browser that an account knows has limits of its own: no
 * stranger uses them up.
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
  /** Takes one: 0 where it is granted, otherwise the seconds to wait (at least 1). Never rejects. */
  take(limit: LimitName, key: string): Promise<number>;
}

/** Takes one of each, in this order, until one is not granted: throws `HubError` `RATE_LIMITED`. What others share comes last: who is refused before takes none of it. */
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
