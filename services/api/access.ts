/** Guards routes: a caller needs a token, or is a service with a key of `API_KEYS`. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Credentials } from '#libs/auth/credentials.ts';
import { findToken } from '#libs/auth/token-source.ts';
import type { ServiceKey } from '#libs/config/kinds.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { isRoomName } from '#libs/protocol/room-name.ts';
import { type Power, requirePower, requireRoom } from '#libs/protocol/user-kinds.ts';
import type { ApiParts } from './api-parts.ts';

/**
 * The guard of a route. If `powers` is empty, any valid token is enough; otherwise the kind of its
 * user needs one of them.
 */
export type Access = { readonly by: 'token'; readonly powers: readonly Power[] } | { readonly by: 'service' };

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
  interface FastifyRequest {
    /** The user of the token. Throws TypeError on a route that is not `authenticated`. */
    readonly user: Credentials;
    /** The name of the calling service. Throws TypeError on a route that is not `forServices`. */
    readonly service: string;
  }
}

/** The part of a route's options that guards it. */
export interface Guarded {
  readonly config: { readonly access: Access };
}

/**
 * Returns the options of a route for users: `Authorization: Bearer <token>`. If powers are given,
 * the kind of the user needs one of them. The handler reads the user from `request.user`. A route
 * with a parameter `room` is open only to kinds that may enter that room (R6).
 *
 * Other requests get 401 `MISSING_TOKEN` or `TOKEN_EXPIRED`, or 403 `FORBIDDEN`, before their body
 * is read.
 */
export function authenticated(...powers: readonly Power[]): Guarded {
  return { config: { access: { by: 'token', powers } } };
}

/**
 * Returns the options of a route for services (A11): `Authorization: Bearer <key>` with a key of
 * `API_KEYS`. The handler reads the name of the service from `request.service`.
 *
 * Other requests get 401 `MISSING_TOKEN` or `TOKEN_EXPIRED`, before their body is read.
 */
export function forServices(): Guarded {
  return { config: { access: { by: 'service' } } };
}

const users = new WeakMap<FastifyRequest, Credentials>();
const names = new WeakMap<FastifyRequest, string>();

/** The caller of a guarded route, for the access log; empty if the request has shown none. */
export function callerOf(request: FastifyRequest): { readonly kind?: string; readonly user?: string } {
  const user = users.get(request);
  if (user !== undefined) return { kind: user.kind, user: user.userId };
  const service = names.get(request);
  return service === undefined ? {} : { kind: 'service', user: service };
}

/** Guards the routes that are registered on `api` after this call. */
export function guardRoutes(api: FastifyInstance, { verify, services }: Pick<ApiParts, 'verify' | 'services'>): void {
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

/**
 * Returns a function that finds the name of a key. It compares with every key, each in constant
 * time: all hashes have the same length.
 */
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
