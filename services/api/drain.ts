import type { FastifyInstance } from 'fastify';
import { RETRY_SECONDS } from '#libs/protocol/limits.ts';
import { send } from './api-error.ts';

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
