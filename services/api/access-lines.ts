/** The lines of the access log for requests of the API and the pages. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AccessEntry, AccessLog } from '#libs/telemetry/access-log.ts';
import { callerOf } from './access.ts';
import { routeOf } from './observe-answers.ts';
import { clientKey } from './rate-limits.ts';
import { traceIdOf } from './request-traces.ts';

/** Reports each answer once it was sent. */
export function logAccess(app: FastifyInstance, log: AccessLog): void {
  app.addHook('onResponse', async (request, reply) => log.answered(entryOf(request, reply)));
}

function entryOf(request: FastifyRequest, reply: FastifyReply): AccessEntry {
  const bytes = Number(reply.getHeader('content-length'));
  return {
    request: request.id,
    method: request.method,
    route: request.routeOptions.url === undefined || routeOf(request) === 'page' ? routeOf(request) : request.routeOptions.url,
    status: reply.statusCode,
    ms: reply.elapsedTime,
    ...(Number.isInteger(bytes) && { bytes }),
    ...callerOf(request),
    address: clientKey(request),
    trace: traceIdOf(request),
  };
}
