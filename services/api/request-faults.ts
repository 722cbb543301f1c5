import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, HTTPMethods } from 'fastify';
import { faultOf, HeaderLines } from '#libs/http/header-lines.ts';
import { RETRY_SECONDS } from '#libs/protocol/limits.ts';
import { send } from './api-error.ts';

/** What a route of the API may be asked with. Any other method is answered 405. */
export const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Registers `routes`, and answers every other method on their paths with 405 and `Allow` (RFC 9110 section 15.5.6) instead of 404. */
export function refuseOtherMethods(app: FastifyInstance, routes: (guarded: FastifyInstance) => void): void {
  const taken = new Map<string, Set<string>>();
  app.register(async (guarded) => {
    guarded.addHook('onRoute', ({ method, url }) => {
      const methods = taken.get(url) ?? new Set<string>();
      taken.set(url, methods);
      for (const one of Array.isArray(method) ? method : [method]) methods.add(one);
    });
    routes(guarded);
  });
  app.register(async (rest) => {
    for (const [url, methods] of taken) {
      const allow = [...methods].join(', ');
      rest.route({
        method: METHODS.filter((method) => !methods.has(method)),
        url,
        handler: (_request, reply) => send(reply.header('allow', allow), 'METHOD_NOT_ALLOWED'),
      });
    }
  });
}

/** Refuses what two servers may read in two ways (400), and methods that no route of the API ever has (405 with `Allow`, RFC 9110 section 15.5.6). */
export function refuseFaults(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ method, raw }, reply) => {
    const fault = targetFault(raw.url ?? '') ?? hostFault(raw) ?? faultOf(method, HeaderLines.fromRaw(raw.rawHeaders));
    if (fault !== undefined) return send(reply, 'INVALID_REQUEST', fault);
    if (!METHODS.includes(method)) return send(reply.header('allow', METHODS.join(', ')), 'METHOD_NOT_ALLOWED');
    return undefined;
  });
}

/** RFC 9112 section 3.2. */
function hostFault({ httpVersion, headers }: IncomingMessage): string | undefined {
  return httpVersion !== '1.0' && headers.host === undefined ? 'a request of HTTP/1.1 has a Host' : undefined;
}

/** RFC 9112 section 3.2.1: an absolute path and maybe a query. Two slashes at its head would be read as the name of a host. */
function targetFault(url: string): string | undefined {
  const isOriginForm = /^\/(?![/\\])[\x21-\x7e]*$/.test(url) && URL.canParse(url, 'http://localhost');
  return isOriginForm ? undefined : 'the target of a request is a path and maybe a query';
}

/**
 * While `draining`, whoever comes is answered 503 `DRAINING` (D1), and what was asked before to its end. Either answer ends its connection: a balancer that
 * keeps some open goes elsewhere with the next request.
 */
export function refuseWhileDraining(app: FastifyInstance, draining: () => boolean): void {
  app.addHook('onRequest', async (_request, reply) => {
    if (!draining()) return undefined;
    return send(reply, 'DRAINING', undefined, undefined, RETRY_SECONDS);
  });
  app.addHook('onSend', async (_request, reply) => {
    if (draining()) reply.header('connection', 'close');
  });
}
