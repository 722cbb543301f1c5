import { readFileSync } from 'node:fs';
import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { SECURITY } from './route-schemas.ts';

/** The page's files: a closed list, so that no path of a request ever reaches the file system. */
const FILES = [
  { url: '/docs', file: 'index.html', type: 'text/html; charset=utf-8' },
  { url: '/docs/docs.js', file: 'docs.js', type: 'text/javascript; charset=utf-8' },
  { url: '/docs/docs.css', file: 'docs.css', type: 'text/css; charset=utf-8' },
] as const;

/** Serves the page that shows `openapi.json` to people, at `/docs`. It needs nothing from anywhere else. */
export function serveDocs(app: FastifyInstance): void {
  for (const { url, file, type } of FILES) {
    const content = readFileSync(new URL(`./docs/${file}`, import.meta.url));
    app.get(url, { schema: { hide: true } }, async (_request, reply) => reply.type(type).header('cache-control', 'no-cache').send(content));
  }
}

const DESCRIPTION = `Accounts, rooms and messages of the hub. Messages themselves travel over the WebSocket.

Errors are \`{code, message, details?, requestId}\`. A member that a request does not know is refused. After 429 and 503 \`Retry-After\` says when to come back.`;

/** Describes the routes that are registered after this with OpenAPI 3.1, made from the schemas they are validated by. */
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
        { name: 'Accounts', description: 'How people, guests, customers and agents get a token.' },
        { name: 'Presence', description: 'Who is there.' },
        { name: 'Rooms', description: 'Groups, pairs, and what was said in them.' },
        { name: 'Conversations', description: 'Customers and agents.' },
        { name: 'Services', description: 'For programs with a key of `API_KEYS`.' },
        { name: 'Description', description: 'What the hub tells about itself.' },
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

/** Serves the document at `openapi.json` under `api`. It is made once, when the app is ready. */
export function serveDocument(api: FastifyInstance): void {
  let text: string | undefined;
  api.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    text ??= JSON.stringify(api.swagger());
    return reply.type('application/json; charset=utf-8').send(text);
  });
}
