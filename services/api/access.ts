/** Who may use a route: the bearer of a token, or a service with a key of `API_KEYS`. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Credentials } from '#libs/auth/credentials.ts';
import { findToken } from '#libs/auth/token-source.ts';
import type { ServiceKey } from '#libs/config/kinds.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { isRoomName } from '#libs/protocol/room-name.ts';
import { type Power, requirePower, requireRoom } from '#libs/protocol/user-kinds.ts';
import type { ApiParts } from './api-parts.ts';

/** How a route is guarded. `powers` empty: by any good token. */
export type Access = { readonly by: 'token'; readonly powers: readonly Power[] } | { readonly by: 'service' };

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
  interface FastifyRequest {
    /** Who asks. Throws TypeError on a route that is not `authenticated`. */
    readonly user: Credentials;
    /** The name of the service that asks. Throws TypeError on a route that is not `forServices`. */
    readonly service: string;
  }
}

/** What a guarded route puts into its options. */
export interface Guarded {
  readonly config: { readonly access: Access };
}

/**
 * Options of a route for bearers of a token (`Authorization: Bearer`) whose kind has one of these powers where some are named. It then has
 * `request.user`. A route with a parameter `room` is open only to kinds that may enter such a room (R6).
 *
 * Others are answered 401 `MISSING_TOKEN` or `TOKEN_EXPIRED`, 403 `FORBIDDEN` if the kind has no such power, before the body is read.
 */
export function authenticated(...powers: readonly Power[]): Guarded {
  return { config: { access: { by: 'token', powers } } };
}

/** Options of a route for services: `Authorization: Bearer <key>` with a key of `API_KEYS` (A11). It then has `request.service`. */
export function forServices(): Guarded {
  return { config: { access: { by: 'service' } } };
}

/** Guards the routes that are registered on `api` after this. */
export function guardRoutes(api: FastifyInstance, { verify, services }: Pick<ApiParts, 'verify' | 'services'>): void {
  const users = new WeakMap<FastifyRequest, Credentials>();
  const names = new WeakMap<FastifyRequest, string>();
  const serviceOf = keyRing(services);
  api.decorateRequest('user', {
    getter(this: FastifyRequest): Credentials {
      return users.get(this) ?? misused('authenticated');
    },
  });
  api.decorateRequest('service', {
    getter(this: FastifyRequest): string {
      return names.get(this) ?? misused('forServices');
    },
  });
  api.addHook('onRequest', async (request, reply) => {
    const { access } = request.routeOptions.config;
    if (access === undefined) return;
    const token = findToken({ authorization: request.headers.authorization });
    if (token === undefined) {
      reply.header('www-authenticate', 'Bearer');
      throw new HubError('MISSING_TOKEN', 'A token is needed in the Authorization header.');
    }
    if (access.by === 'service') {
      const name = serviceOf(token);
      if (name === undefined) throw new HubError('TOKEN_EXPIRED', 'The key is not one of API_KEYS.');
      names.set(request, name);
      return;
    }
    const user = await verify(token);
    if (access.powers.length > 0) requirePower(user.kind, ...access.powers);
    const { room } = request.params as { readonly room?: string };
    if (room !== undefined && isRoomName(room)) requireRoom(user.kind, room);
    users.set(request, user);
  });
}

/** The name that belongs to a key. Every key is compared with, each in constant time: hashes have one length. */
function keyRing(services: readonly ServiceKey[]): (key: string) => string | undefined {
  const hashes = services.map(({ name, key }) => ({ name, hash: sha256(key) }));
  return (key) => {
    const given = sha256(key);
    let found: string | undefined;
    for (const { name, hash } of hashes) if (timingSafeEqual(hash, given)) found = name;
    return found;
  };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function misused(option: string): never {
  throw new TypeError(`the route is not ${option}()`);
}
