/** What the admin page and the person on call work with (A13): the page, `/admin/api` and the queue board, on the admin port. */

import { createBullBoard } from '@bull-board/api';
import { FastifyAdapter } from '@bull-board/fastify';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import type { AdminPages } from '#libs/process/admin-server.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import { type AdminAccessOptions, guardAdmin } from './admin-access.ts';
import { type AdminCommandsParts, type AdminRoutesParts, adminCommands, adminRoutes } from './admin-routes.ts';
import { type AdminUsersParts, adminUsers } from './admin-users.ts';
import { answerErrors, send } from './api-error.ts';
import { completeSchemas } from './openapi.ts';
import { readPages, sendPage } from './page.ts';

export type AdminOptions = AdminAccessOptions & Omit<AdminRoutesParts, 'board'> & AdminUsersParts & AdminCommandsParts & AdminParts;

interface AdminParts {
  readonly log: Logger;
  /** A fresh UUID at each call: ids of requests. */
  readonly uuid: () => string;
  /** What the board shows: `boardAdapters(jobs)`; none where the jobs are kept in memory. */
  readonly board: Parameters<typeof createBullBoard>[0]['queues'];
  /** The folder of the built pages; undefined: there is no page. */
  readonly page: string | undefined;
}

const BOARD = '/admin/queues';

/** Nothing inline, nothing foreign, no HTML from strings. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');
/** The board runs its own files and styles itself inline; nothing foreign is loaded. */
const BOARD_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";
const HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;

/**
 * An app that listens nowhere: hand it requests with `app.routing(request, response)` once it is `ready()`. Errors look as those of the API.
 * With the password unset it serves nobody, or whoever has the `localKey` on this machine.
 */
export function buildAdmin(options: AdminOptions): FastifyInstance {
  const app = Fastify({
    logger: false,
    genReqId: () => options.uuid(),
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false } },
    frameworkErrors: (error, _request, reply) => void send(reply as unknown as FastifyReply, 'INVALID_REQUEST', error.message),
  });
  answerErrors(app, options.log);
  app.addHook('onRequest', async ({ url }, reply) => {
    const ofBoard = url === BOARD || url.startsWith(`${BOARD}/`) || url.startsWith(`${BOARD}?`);
    reply.headers({ ...HEADERS, 'content-security-policy': ofBoard ? BOARD_POLICY : POLICY });
  });
  guardAdmin(app, options);
  app.register(
    async (api) => {
      api.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-store'));
      completeSchemas(api);
      adminRoutes(api, { ...options, board: options.board.length > 0 });
      adminUsers(api, options);
      adminCommands(api, options);
    },
    { prefix: '/admin/api' },
  );
  if (options.page !== undefined) serveAdminPage(app, options.page);
  board(app, options.board);
  return app;
}

function board(app: FastifyInstance, queues: AdminOptions['board']): void {
  if (queues.length === 0) {
    app.get(BOARD, (_request, reply) =>
      reply
        .type('text/plain; charset=utf-8')
        .send('The jobs of this process are kept in memory: there is no board. Counts are at /admin/api/queues.\n'),
    );
    return;
  }
  const adapter = new FastifyAdapter();
  createBullBoard({ queues, serverAdapter: adapter, options: { uiConfig: { boardTitle: 'Parley' } } });
  adapter.setBasePath(BOARD);
  app.register(adapter.registerPlugin(), { prefix: BOARD });
}

/** Of the built pages in `folder` the admin page and what pages share are served; each file is a route of its own. Where nothing was built, nothing is. */
function serveAdminPage(app: FastifyInstance, folder: string): void {
  const files = readPages(folder);
  const page = files.get('admin.html');
  if (page === undefined) return;
  app.get('/admin', (_request, reply) => reply.redirect('/admin/', 308));
  app.get('/admin/', (request, reply) => sendPage(request, reply, page));
  for (const [path, file] of files) {
    if (path !== 'favicon.svg' && !path.startsWith('assets/')) continue;
    app.get(`/admin/${path}`, (request, reply) => sendPage(request, reply, file));
  }
}

export interface RunningAdminPages {
  /** What `AdminServer` takes as `pages`: answers everything under `/admin`. */
  readonly pages: AdminPages;
  close(): Promise<void>;
}

/** The admin pages (A13), ready to be handed requests. */
export async function openAdminPages(options: AdminOptions): Promise<RunningAdminPages> {
  const app = buildAdmin(options);
  await app.ready();
  return {
    pages: (request, response) => {
      app.routing(request, response);
      return true;
    },
    close: () => app.close(),
  };
}
