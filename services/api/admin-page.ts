/** The built admin page, at `/admin/`. */
import type { FastifyInstance } from 'fastify';
import { readPages, sendPage } from './page-files.ts';

/** Of the built pages in `folder` the admin page and what pages share are served; each file is a route of its own. Where nothing was built, nothing is. */
export function serveAdminPage(app: FastifyInstance, folder: string): void {
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
