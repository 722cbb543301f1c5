/** Who may see the admin pages: whoever has the password. */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { OriginPolicy } from '#libs/auth/origin-policy.ts';
import { FixedWindow } from '#libs/limits/fixed-window.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { send } from './api-error.ts';
import type { LocalKey } from './local-key.ts';
import { clientKey } from './rate-limits.ts';

export interface AdminAccessOptions {
  /** `ADMIN_PASSWORD`. */
  readonly password: string | undefined;
  readonly origins: OriginPolicy;
  /** Without a password: opens them on this machine. Where both are undefined they are served to nobody. */
  readonly localKey: LocalKey | undefined;
  /** Milliseconds of a steady clock. Default the system's. */
  readonly steady?: () => number;
}

/** Wrong passwords of one address, and in how long. */
const TRIES = { limit: 10, windowMs: 60_000 } as const;
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Guards every route of `app`: HTTP Basic (RFC 7617), the user's name is free. A wrong password costs an address one of ten tries a minute; where they are used
 * up nothing of that address is looked at. What changes something is refused to pages of other sites, for browsers send a password along.
 */
export function guardAdmin(
  app: FastifyInstance,
  { password, origins, localKey, steady = () => performance.now() }: AdminAccessOptions,
): void {
  const wrong = new FixedWindow(TRIES);
  const blockedUntil = new Map<string, number>();
  // Answered here, not thrown: plugins bring error handlers of their own.
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

/** `Sec-Fetch-Site` is sent by every browser of today; `Origin` by those before, with whatever changes something. */
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

/** In constant time: hashes have one length. */
function sameText(one: string, other: string): boolean {
  return timingSafeEqual(createHash('sha256').update(one).digest(), createHash('sha256').update(other).digest());
}
