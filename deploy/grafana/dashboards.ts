/** All dashboards, and their files in the chart. */
import { API } from './api.ts';
import { AUTH_AND_ABUSE } from './auth-and-abuse.ts';
import { CAPACITY } from './capacity.ts';
import { dashboardJson, slug } from './dashboard.ts';
import { JOBS_AND_MAIL } from './jobs-and-mail.ts';
import { NODES } from './nodes.ts';
import { OVERVIEW } from './overview.ts';
import type { DashboardSpec } from './panel-spec.ts';
import { PRESENCE } from './presence.ts';
import { RELAY_AND_REDIS } from './relay-and-redis.ts';
import { STORE } from './store.ts';

/** In the order in which a person looks. */
export const DASHBOARDS: readonly DashboardSpec[] = [
  OVERVIEW,
  NODES,
  RELAY_AND_REDIS,
  PRESENCE,
  AUTH_AND_ABUSE,
  API,
  JOBS_AND_MAIL,
  STORE,
  CAPACITY,
];

/** The JSON of each dashboard by its path in the repository. */
export function dashboardFiles(): readonly { readonly path: string; readonly text: string }[] {
  return DASHBOARDS.map((spec) => ({ path: `k8s/chart/files/dashboards/${slug(spec.title)}.json`, text: dashboardJson(spec) }));
}
