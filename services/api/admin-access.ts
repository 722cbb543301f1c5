/** Guards the admin pages (A13): by a password, or by the key of the person at this machine. */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { OriginPolicy } from '#libs/auth/origin-policy.ts';
import { FixedWindow } from '#libs/limits/fixed-window.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { send } from './api-error.ts';
import type { LocalKey } from './local-key.ts';
import { clientKey } from './rate-limits.ts';

/** Settings and tools of `guardAdmin`. */
export interface AdminAccessOptions {
  /** `ADMIN_PASSWORD`. */
  readonly password: string | undefined;
  readonly origins: OriginPolicy;
  /**
   * Opens the pages on this machine if there is no password. If both are undefined, every request
   * is rejected.
   */
  readonly localKey: LocalKey | undefined;
  /** Milliseconds of a steady clock. Default: that of the system. */
  readonly steady?: () => number;
}

/** Wrong passwords that one address may send in a window. */
const TRIES = { limit: 10, windowMs: 60_000 } as const;
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Guards every route of `app` with HTTP Basic (RFC 7617); any user name is accepted.
 *
 * An address may send ten wrong passwords a minute. After the eleventh, every request of it gets
 * 429 until that minute ends, even with the right password. A request from a page of another origin
 * is rejected if it changes something, because browsers send the password along.
 */
export function guardAdmin(
  app: FastifyInstance,
  { password, origins, localKey, steady = () => performance.now() }: AdminAccessOptions,
): void {
  const wrong = new FixedWindow(TRIES);
  const blockedUntil = new Map<string, number>();
  // The hook answers and does not throw: plugins bring error handlers of their own.
  app.addHook('onRequest', async (request, reply) => {
    const denied = otherSite(request, origins);
    if (denied !== undefined) return send(reply, denied.code, denied.message);
    if (password === undefined) {
      const exchanged = localKey?.exchange(request, reply, '/admin');
      if (exchanged !== undefined) return exchanged;
      const refusal = localKey === undefined ? '' : localKey.refusal(request);
      if (refusal === undefined) return undefined;
      return send(reply, 'FORBIDDEN', `${refusal} Set ADMIN_PASSWORD to use this with a password.`.trim());
    }
    const key = clientKey(request);
    const now = steady();
    const until = blockedUntil.get(key) ?? 0;
    if (until > now) return send(reply, 'RATE_LIMITED', undefined, undefined, (until - now) / 1000);
    const given = passwordOf(request.headers.authorization);
    if (given !== undefined && sameText(given, password)) return undefined;
    const wait = given === undefined ? 0 : wrong.take(key, now);
    if (wait > 0) {
      for (const [other, end] of blockedUntil) if (end <= now) blockedUntil.delete(other);
      blockedUntil.set(key, now + wait * 1000);
      return send(reply, 'RATE_LIMITED', undefined, undefined, wait);
    }
    return send(
      reply.header('www-authenticate', 'Basic realm="Parley", charset="UTF-8"'),
      'MISSING_TOKEN',
      'The admin password is needed.',
    );
  });
}

/**
 * Returns the error for a request that changes something and comes from a page of another origin;
 * undefined for any other request. Current browsers send `Sec-Fetch-Site` (Fetch Metadata). Older
 * ones send `Origin` with each such request.
 */
function otherSite({ method, headers }: FastifyRequest, origins: OriginPolicy): HubError | undefined {
  if (SAFE_METHODS.has(method)) return undefined;
  const { origin, host = '' } = headers;
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || site === 'none' ? undefined : new HubError('ORIGIN_DENIED');
  return origin === undefined || origins.isOwn(origin, host) ? undefined : origins.refusal(origin, host);
}

function passwordOf(header: string | undefined): string | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/]+=*)$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : text.slice(colon + 1);
}

/** Compares in constant time: both hashes have the same length. */
function sameText(one: string, other: string): boolean {
  return timingSafeEqual(createHash('sha256').update(one).digest(), createHash('sha256').update(other).digest());
}
