/** The admin pages on the admin port (A13): the page itself, `/admin/api` and the queue board. */

import { createBullBoard } from '@bull-board/api';
import { FastifyAdapter } from '@bull-board/fastify';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import type { AdminPages } from '#libs/process/admin-server.ts';
import { HEAD_MAX_BYTES } from '#libs/protocol/limits.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import { type AdminAccessOptions, guardAdmin } from './admin-access.ts';
import { type AdminDeskParts, adminDesk } from './admin-desk.ts';
import { type AdminDetailsParts, adminDetails } from './admin-details.ts';
import { type AdminCommandsParts, type AdminRoutesParts, adminCommands, adminRoutes } from './admin-routes.ts';
import { type AdminSeriesParts, adminSeries } from './admin-series.ts';
import { type AdminUsersParts, adminUsers } from './admin-users.ts';
import { answerErrors, send } from './api-error.ts';
import { answerErrorsAsPages } from './error-page.ts';
import { completeSchemas } from './openapi.ts';
import { readPages, sendPage } from './page.ts';

/** The parts of all admin pages. */
export type AdminOptions = AdminAccessOptions &
  Omit<AdminRoutesParts, 'board'> &
  AdminUsersParts &
  AdminDeskParts &
  AdminDetailsParts &
  AdminCommandsParts &
  AdminSeriesParts &
  AdminParts;

interface AdminParts {
  readonly log: Logger;
  /** Returns a fresh UUID at each call, for ids of requests. */
  readonly uuid: () => string;
  /** The queues of the board: `boardAdapters(jobs)`. Empty if the jobs are kept in memory. */
  readonly board: Parameters<typeof createBullBoard>[0]['queues'];
  /** The folder of the built pages. Undefined: no page is served. */
  readonly page: string | undefined;
}

const BOARD = '/admin/queues';

/** The policy of the admin page (CSP 3): no inline code, no foreign files, no HTML from strings. */
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
/** The policy of the board, which has inline styles. It loads no foreign files either. */
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
 * Builds the admin app. It does not listen: once it is `ready()`, pass requests to
 * `app.routing(request, response)`. Errors have the form of the API's errors.
 *
 * Without a password it rejects every request, or, if there is a `localKey`, every request that
 * does not have it.
 */
export function buildAdmin(options: AdminOptions): FastifyInstance {
  const app = Fastify({
    logger: false,
    genReqId: () => options.uuid(),
    // As in `buildApi`: the schemas limit the parts of a path.
    routerOptions: { maxParamLength: HEAD_MAX_BYTES },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false } },
    frameworkErrors: (error, _request, reply) => void send(reply as unknown as FastifyReply, 'INVALID_REQUEST', error.message),
  });
  answerErrors(app, options.log);
  answerErrorsAsPages(app, '/admin/');
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
      adminSeries(api, options);
      adminUsers(api, options);
      adminDesk(api, options);
      adminDetails(api, options);
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

/** Files beside the pages that each page loads. */
const SHARED_FILES: ReadonlySet<string> = new Set(['favicon.svg', 'start.css']);

/**
 * Serves the admin page and the files that pages share, each by a route of its own. Serves nothing
 * if the folder has no admin page.
 */
function serveAdminPage(app: FastifyInstance, folder: string): void {
  const files = readPages(folder);
  const page = files.get('admin.html');
  if (page === undefined) return;
  app.get('/admin', (_request, reply) => reply.redirect('/admin/', 308));
  app.get('/admin/', (request, reply) => sendPage(request, reply, page));
  for (const [path, file] of files) {
    if (!SHARED_FILES.has(path) && !path.startsWith('assets/')) continue;
    app.get(`/admin/${path}`, (request, reply) => sendPage(request, reply, file));
  }
}

/** The result of `openAdminPages`. */
export interface RunningAdminPages {
  /** The `pages` of `AdminServer`: answers every request under `/admin`. */
  readonly pages: AdminPages;
  /** Resolves when the requests under way are answered. */
  close(): Promise<void>;
}

/** Builds the admin pages (A13). Resolves when they can answer requests. */
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
