/** Answers errors with a page if a person asked. */

import type { FastifyInstance } from 'fastify';
import { errorPage, PAGE_TYPE, PAGE_VARY } from '#libs/http/error-page.ts';

/**
 * Replaces errors in JSON by the page for them, if a person asked.
 *
 * @param home The path of the start page, with a slash at its end. Its folder has `start.css`.
 */
export function answerErrorsAsPages(app: FastifyInstance, home: string): void {
  app.addHook('onSend', async ({ method, headers }, reply, payload) => {
    if (reply.statusCode < 400 || typeof payload !== 'string' || !String(reply.getHeader('content-type')).startsWith('application/json'))
      return payload;
    const vary = reply.getHeader('vary');
    reply.header('vary', [vary, PAGE_VARY].filter((name) => name !== undefined).join(', '));
    const { accept = '', 'accept-language': acceptLanguage = '' } = headers;
    const page = errorPage(reply.statusCode, payload, { method, accept, acceptLanguage }, home);
    if (page === undefined) return payload;
    reply.type(PAGE_TYPE).removeHeader('content-length');
    return page;
  });
}
