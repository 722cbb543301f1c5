import type { FastifyInstance, HTTPMethods } from 'fastify';
import { send } from './api-error.ts';

const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

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
