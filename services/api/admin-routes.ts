/** How the hub is (A13). Nothing private: no text, no mail address. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { Jobs } from '#libs/jobs/jobs.ts';
import { type KeySetState, NODE_LOST_MS, type NodeDirectory } from '#libs/presence/node-directory.ts';
import type { Presence } from '#libs/presence/presence.ts';
import type { Store } from '#libs/store/store.ts';

export interface AdminRoutesParts {
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly nodes: Pick<NodeDirectory, 'list'>;
  readonly presence: Pick<Presence, 'counts' | 'online'>;
  readonly store: Pick<Store, 'ping'>;
  readonly jobs: Pick<Jobs, 'counts'>;
  /** Of this program. */
  readonly version: string;
  /** Whether the nodes are joined by a Redis. */
  readonly redis: boolean;
  /** `DASHBOARD_URL`. */
  readonly dashboardUrl: string | undefined;
  /** What of its settings a careful operator would change (`Config.warnings`). */
  readonly warnings: readonly string[];
  /** How fetching the key set goes at this program; undefined without `JWT_JWKS_URL`. */
  readonly keySet: () => KeySetState | undefined;
  /** Whether `/admin/queues` has something to show. */
  readonly board: boolean;
}

const TOP_DEFAULT = 20;
const TOP_MAX = 200;
const SECOND_MS = 1000;

const TopQuery = Type.Object({ top: Type.Optional(Type.Integer({ minimum: 1, maximum: TOP_MAX })) }, { additionalProperties: false });

export function adminRoutes(
  api: FastifyInstance,
  { now, nodes, presence, store, jobs, version, redis, dashboardUrl, warnings, keySet, board }: AdminRoutesParts,
): void {
  // Answered also while a backend is away: that it is, is what has to be told.
  api.get('/hub', async () => {
    const [online, database] = await Promise.all([
      presence.online().catch(() => null),
      store.ping().then(
        () => 'up' as const,
        () => 'down' as const,
      ),
    ]);
    return {
      version,
      online,
      redis: !redis ? 'none' : online === null ? 'down' : 'up',
      database,
      board,
      dashboardUrl: dashboardUrl ?? null,
      warnings,
      keySet: keySet() ?? null,
    };
  });

  api.get('/nodes', async () => {
    const at = now();
    return {
      nodes: (await nodes.list()).map(({ startedAt, rooms: _, silent, state, ...node }) => ({
        ...node,
        state: silent > NODE_LOST_MS ? 'lost' : state,
        uptime: Math.max(0, Math.round((at - silent - startedAt) / SECOND_MS)),
        silent: Math.round(silent / SECOND_MS),
      })),
    };
  });

  api.get<{ Querystring: Static<typeof TopQuery> }>('/rooms', { schema: { querystring: TopQuery } }, async ({ query }) => {
    const living = (await nodes.list()).filter(({ silent }) => silent <= NODE_LOST_MS);
    const names = [...new Set(living.flatMap(({ rooms }) => rooms))];
    const counts = names.length === 0 ? [] : await presence.counts(names);
    const rooms = names.map((room, index) => ({ room, count: counts[index] ?? 0 })).filter(({ count }) => count > 0);
    return { rooms: rooms.toSorted((a, b) => b.count - a.count || (a.room < b.room ? -1 : 1)).slice(0, query.top ?? TOP_DEFAULT) };
  });

  api.get('/queues', async () => ({ queues: await jobs.counts() }));
}
