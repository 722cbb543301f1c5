import type { AdminPages } from '#libs/process/admin-server.ts';
import { type AdminOptions, buildAdmin } from './admin.ts';

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
