import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';

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
