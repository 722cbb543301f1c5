/** Reports how long answers take, for metrics. */
import type { FastifyInstance, FastifyRequest } from 'fastify';

/** @param route A method and the pattern of a path, `page` for files of the pages, or `none`. */
export type AnswerObserver = (route: string, status: number, seconds: number) => void;

/** Paths below which routes have names of their own. The rest are files of the pages. */
const NAMED = /^\/(?:api|\.well-known)\//;

/** Reports every answer once it was sent. */
export function observeAnswers(app: FastifyInstance, answered: AnswerObserver): void {
  app.addHook('onResponse', async (request, reply) => answered(routeOf(request), reply.statusCode, reply.elapsedTime / 1000));
}

/** The route of a request, as an observer gets it. */
export function routeOf({ method, routeOptions }: FastifyRequest): string {
  const { url } = routeOptions;
  if (url === undefined) return 'none';
  return NAMED.test(url) ? `${method === 'HEAD' ? 'GET' : method} ${url}` : 'page';
}
