/** The OpenAPI document of the API, its page, and the parts that all schemas of routes share. */
import { readFileSync } from 'node:fs';
import swagger from '@fastify/swagger';
import { type TSchema, Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify';
import { ERRORS } from '#libs/protocol/errors.ts';
import { completeDocument } from './openapi-document.ts';
import { serveWithoutSlash } from './page.ts';

/** The schema of every error. */
const ErrorAnswer = Type.Object(
  {
    code: Type.String({ enum: Object.keys(ERRORS), description: 'The error, for programs.' }),
    message: Type.String({ description: 'The error, for people.' }),
    details: Type.Optional(
      Type.Array(Type.Object({ path: Type.String({ description: 'JSON pointer of the member.' }), message: Type.String() }), {
        description: 'Each fault with its place, if the request does not match the schema.',
      }),
    ),
    until: Type.Optional(Type.Integer({ description: 'The end of the ban, Unix milliseconds; with `BANNED` only.' })),
    reason: Type.Optional(Type.String({ description: 'Why the person is banned, if the ban has a reason; with `BANNED` only.' })),
    requestId: Type.String({ description: 'Also in the log and in the header `X-Request-Id`.' }),
  },
  { title: 'Error', description: 'An error.' },
);

/**
 * Returns the schemas of these error statuses, for a route's `response`.
 *
 * Every route has 500 and 503 without this call. A route with input also has 400, one with a body
 * 413 and 415, a guarded one 401 and 403, and one with an idempotency key 409.
 */
export function errors(...statuses: readonly number[]): Record<number, TSchema> {
  return Object.fromEntries(statuses.map((status) => [status, ErrorAnswer]));
}

/** The names of the two security schemes in the OpenAPI document. */
const SECURITY = { token: 'token', service: 'serviceKey' } as const;

const IDEMPOTENCY = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      pattern: '^[\\x20-\\x7e]{1,64}$',
      description:
        'If the same request with the same key is repeated within 24 hours, it runs once and gets the same answer (A15). A UUID is best.',
    }),
  ),
});

/**
 * Completes the schemas of the routes that are registered on `api` after this call: the errors of
 * every route, its guard, and `Idempotency-Key`.
 *
 * A query consists of texts. If its schema declares a number or a boolean, the text is converted
 * before it is validated.
 */
export function completeSchemas(api: FastifyInstance): void {
  api.addHook('onRoute', (route) => {
    const { schema } = route;
    if (schema === undefined || schema.hide) return;
    const access = route.config?.access;
    schema.response = { ...errors(...statusesOf(route)), ...(schema.response as object | undefined) };
    if (route.config?.idempotent !== undefined) schema.headers = IDEMPOTENCY;
    if (access !== undefined) schema.security = [{ [SECURITY[access.by]]: [] }];
  });
  api.addHook('preValidation', async (request) => {
    const { querystring } = request.routeOptions.schema ?? {};
    if (querystring !== undefined) readTexts(request.query as Record<string, unknown>, querystring as TSchema);
  });
}

function statusesOf({ schema, config }: RouteOptions): number[] {
  const { body, querystring, params }: FastifySchema = schema ?? {};
  const takesInput = body !== undefined || querystring !== undefined || params !== undefined;
  return [
    ...(takesInput ? [400] : []),
    ...(body === undefined ? [] : [413, 415]),
    ...(config?.access === undefined ? [] : [401, 403]),
    ...(config?.idempotent === undefined ? [] : [409]),
    500,
    503,
  ];
}

function readTexts(query: Record<string, unknown>, { properties }: TSchema): void {
  for (const [name, { type }] of Object.entries<TSchema>(properties ?? {})) {
    const text = query[name];
    if (typeof text !== 'string') continue;
    if ((type === 'integer' || type === 'number') && /^-?\d{1,15}$/.test(text)) query[name] = Number(text);
    if (type === 'boolean' && (text === 'true' || text === 'false')) query[name] = text === 'true';
  }
}

/**
 * The files of the page. The list is fixed, so a path of a request never reaches the file system.
 */
const FILES = [
  { url: '/docs', file: 'index.html', type: 'text/html; charset=utf-8' },
  { url: '/docs/docs.js', file: 'docs.js', type: 'text/javascript; charset=utf-8' },
  { url: '/docs/docs.css', file: 'docs.css', type: 'text/css; charset=utf-8' },
] as const;

/**
 * Serves the page that shows `openapi.json` to people, at `/docs`. It loads nothing from other
 * origins.
 *
 * @param base The path of `PUBLIC_URL`, without a slash at its end.
 */
export function serveDocs(app: FastifyInstance, base: string): void {
  serveWithoutSlash(app, '/docs', base);
  for (const { url, file, type } of FILES) {
    const content = readFileSync(new URL(`./docs/${file}`, import.meta.url));
    app.get(url, { schema: { hide: true } }, async (_request, reply) => reply.type(type).header('cache-control', 'no-cache').send(content));
  }
}

const DESCRIPTION = `Accounts, rooms and messages of the hub. Messages themselves travel over the WebSocket.

Errors are \`{code, message, details?, requestId}\`. A request with an unknown member is rejected. With 429 and 503, \`Retry-After\` has the seconds to wait.

In the curl lines \`$HUB\` is the address of this hub, \`$TOKEN\` the \`token\` of a login, \`$KEY\` a key of \`API_KEYS\`. The number after \`#\` is the status. Other names in capitals come from earlier answers.`;

/**
 * Describes the routes that are registered after this call in an OpenAPI 3.1 document. It is
 * generated from the schemas that validate their requests.
 */
export function describeRoutes(
  app: FastifyInstance,
  { version, publicUrl }: { readonly version: string; readonly publicUrl: string | undefined },
): void {
  app.register(swagger, {
    hideUntagged: true,
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Parley', version, description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
      servers: [{ url: publicUrl ?? '/' }],
      tags: [
        { name: 'Accounts', description: 'Logins of users, guests, customers and agents.' },
        { name: 'Presence', description: 'Users online.' },
        { name: 'Rooms', description: 'Groups, pairs and their messages.' },
        { name: 'Conversations', description: 'Conversations of customers with agents.' },
        { name: 'Services', description: 'For programs with a key of `API_KEYS`.' },
        { name: 'Description', description: 'Public data about the hub.' },
      ],
      components: {
        securitySchemes: {
          [SECURITY.token]: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The `token` of a login.' },
          [SECURITY.service]: { type: 'http', scheme: 'bearer', description: 'A key of `API_KEYS`.' },
        },
      },
    },
  });
}

/** Serves the document at `openapi.json` under `api`. It is generated at the first request. */
export function serveDocument(api: FastifyInstance): void {
  let text: string | undefined;
  api.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    text ??= JSON.stringify(completeDocument(api.swagger()));
    return reply.type('application/json; charset=utf-8').send(text);
  });
}
