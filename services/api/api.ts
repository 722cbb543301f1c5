/** Builds the HTTP API: an app of Fastify with its guards, routes, description and pages. */
import cookies from '@fastify/cookie';
import cors, { type FastifyCorsOptions } from '@fastify/cors';
import { Type } from '@sinclair/typebox';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import type { OriginPolicy } from '#libs/auth/origin-policy.ts';
import { basePath, withoutBase } from '#libs/config/public-url.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { changedNumber } from '#libs/protocol/json-text.ts';
import { HEAD_MAX_BYTES } from '#libs/protocol/limits.ts';
import type { AccessLog } from '#libs/telemetry/access-log.ts';
import type { Tracer } from '#libs/telemetry/tracer.ts';
import { guardRoutes } from './access.ts';
import { logAccess } from './access-lines.ts';
import { answerAll, answerErrors, answerUnreadable, refuseFaults, refuseOtherMethods, refuseWhileDraining, send } from './api-error.ts';
import type { ApiParts, Routes } from './api-parts.ts';
import { codeRoutes } from './code-routes.ts';
import { customerRoutes } from './customer-routes.ts';
import { answerErrorsAsPages } from './error-page.ts';
import { keepAnswers } from './idempotency.ts';
import { jwksRoutes } from './jwks-routes.ts';
import { agentRoutes, guestRoutes, loginRoutes } from './login-routes.ts';
import { type AnswerObserver, observeAnswers } from './observe-answers.ts';
import { completeSchemas, describeRoutes, serveDocs, serveDocument } from './openapi.ts';
import { securityHeaders, servePage } from './page.ts';
import { traceRequests } from './request-traces.ts';

const SHARED: FastifyCorsOptions = {
  methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  allowedHeaders: ['authorization', 'content-type', 'idempotency-key'],
  exposedHeaders: ['x-request-id', 'retry-after'],
  maxAge: 600,
  strictPreflight: false,
};

/**
 * Lets the pages of `ALLOWED_ORIGINS` and `PUBLIC_URL` read answers (CORS, Fetch standard). A page
 * of a named origin may also send the cookies of a login. With `*` every page may send requests
 * without cookies.
 */
function allowOrigins(app: FastifyInstance, { named, any }: Pick<OriginPolicy, 'named' | 'any'>): void {
  app.register(cors, {
    delegator: (request, done) => {
      const { origin } = request.headers;
      if (origin !== undefined && named.includes(origin)) done(null, { ...SHARED, origin, credentials: true });
      else done(null, { ...SHARED, origin: any ? '*' : false });
    },
  });
}

const Online = Type.Object({ count: Type.Integer({ minimum: 0 }) });

/** `GET /online` (A12): the number of distinct users on all nodes. */
const onlineRoutes: Routes = (api, { online }) => {
  api.get('/online', { schema: { tags: ['Presence'], summary: 'Count the users online (A12)', response: { 200: Online } } }, async () => ({
    count: await online(),
  }));
};

/** The parts of `buildApi`. */
export interface ApiOptions extends ApiParts {
  /** The version in the OpenAPI document. */
  readonly version: string;
  /** Further routes under `/api/v1`, for example those of rooms and services. */
  readonly routes: readonly Routes[];
  /** Learns each answer: its route, its status and the seconds that it took. Default: nobody does. */
  readonly answered?: AnswerObserver;
  /** Undefined: traces are off. */
  readonly tracer?: Tracer | undefined;
  /** Undefined: there is none. */
  readonly accessLog?: AccessLog | undefined;
  /** Returns true while the process shuts down. Default: never. */
  readonly draining?: () => boolean;
  /** The folder of the built pages, which is read once. Undefined: no pages are served. */
  readonly page: string | undefined;
}

/**
 * Bytes of a body, unless a route has a limit of its own. The HTTP adapter of the gateway keeps
 * more.
 */
const BODY_MAX_BYTES = 65_536;
/** Milliseconds in which a whole request must arrive. */
const REQUEST_MS = 30_000;

/**
 * Builds the HTTP API (A), its description and the pages. It does not listen yet. It has no state
 * that another process would need.
 *
 * Errors are `{code,message,details?,requestId}`. A request with an unknown member in its body is
 * rejected.
 */
export function buildApi(options: ApiOptions): FastifyInstance {
  const { trustedProxyHops } = options;
  const base = basePath(options.publicUrl);
  const headers = securityHeaders(options.publicUrl);
  const app = Fastify({
    logger: false,
    bodyLimit: BODY_MAX_BYTES,
    requestTimeout: REQUEST_MS,
    // A request during the shutdown still gets an answer. The listener is closed already.
    return503OnClosing: false,
    trustProxy: trustedProxyHops > 0 && ((_address, hop) => hop < trustedProxyHops),
    genReqId: () => options.uuid(),
    rewriteUrl: ({ url = '/' }) => withoutBase(url, base),
    // The schemas limit the parts of a path. Only the limit of the whole head stands above them.
    routerOptions: { maxParamLength: HEAD_MAX_BYTES },
    // `refuseFaults` rejects a request without a host, in the form of every other error.
    http: { maxHeaderSize: HEAD_MAX_BYTES, requireHostHeader: false },
    clientErrorHandler: (error, socket) => answerUnreadable(error, socket, options),
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false } },
    // A target that is not a URL gets its answer here, in the form of every other error. The
    // framework leaves the type of the reply open.
    frameworkErrors: (error, request, reply) => {
      reply.headers({ ...headers, 'x-request-id': request.id });
      void send(reply as unknown as FastifyReply, 'INVALID_REQUEST', error.message);
    },
  });
  app.decorate('trustedProxyHops', trustedProxyHops);
  if (options.answered !== undefined) observeAnswers(app, options.answered);
  if (options.tracer !== undefined) traceRequests(app, options.tracer);
  if (options.accessLog !== undefined) logAccess(app, options.accessLog);
  takeJsonOnly(app);
  answerAll(app, options);
  answerErrors(app, options.log);
  answerErrorsAsPages(app, `${base}/`);
  app.addHook('onRequest', async (request, reply) => void reply.headers({ ...headers, 'x-request-id': request.id }));
  refuseFaults(app);
  allowOrigins(app, options.origins);
  refuseWhileDraining(app, options.draining ?? (() => false));
  app.register(cookies);
  describeRoutes(app, options);
  refuseOtherMethods(app, (guarded) => {
    completeSchemas(guarded);
    jwksRoutes(guarded, options);
    serveDocs(guarded, base);
    guarded.register(
      async (api) => {
        api.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-store'));
        guardRoutes(api, options);
        keepAnswers(api, options);
        serveDocument(api);
        const own = [codeRoutes, loginRoutes, guestRoutes, customerRoutes, agentRoutes, onlineRoutes];
        for (const routes of [...own, ...options.routes]) routes(api, options);
      },
      { prefix: '/api/v1' },
    );
    if (options.page !== undefined) servePage(guarded, options.page, options);
  });
  return app;
}

/**
 * Accepts bodies of JSON only. A page may send text/plain to another origin without a preflight;
 * for JSON the browser asks first (Fetch standard). An empty body counts as none, whatever its
 * type.
 */
function takeJsonOnly(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else
      void parse(request, body, (error, value) => {
        // The check of numbers needs valid JSON, so it runs only after the parser accepted the
        // text.
        const changed = error === null || error === undefined ? changedNumber(body) : undefined;
        if (changed === undefined) done(error, value);
        else done(new HubError('INVALID_REQUEST', `the number ${changed.slice(0, 40)} cannot be stored exactly: send it as a string`));
      });
  });
}
