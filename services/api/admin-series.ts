/** The charts of the admin page (A13): `GET /admin/api/series`. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { NodeDirectory } from '#libs/presence/node-directory.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { NodeHistory } from './node-history.ts';
import { Prometheus } from './prometheus.ts';

const HOUR_SECONDS = 3600;
const HOURS_MAX = 24;

const SpanQuery = Type.Object({ hours: Type.Optional(Type.Integer({ minimum: 1, maximum: HOURS_MAX })) }, { additionalProperties: false });

/** The parts of `adminSeries`. */
export interface AdminSeriesParts {
  readonly nodes: Pick<NodeDirectory, 'list'>;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** `PROMETHEUS_URL`. Undefined: the charts come from samples of this process. */
  readonly prometheusUrl?: string | undefined;
  /** `PROMETHEUS_CREDENTIAL`. */
  readonly prometheusCredential?: string | undefined;
  /** Milliseconds between two samples. Default 15,000. */
  readonly sampleEveryMs?: number;
}

/**
 * Adds the route, and takes samples while the app is open. If Prometheus fails, the samples answer,
 * with the reason.
 */
export function adminSeries(
  api: FastifyInstance,
  { nodes, now, prometheusUrl, prometheusCredential, sampleEveryMs }: AdminSeriesParts,
): void {
  const history = new NodeHistory({ nodes, now, ...(sampleEveryMs !== undefined && { everyMs: sampleEveryMs }) });
  const prometheus =
    prometheusUrl === undefined ? undefined : new Prometheus({ url: prometheusUrl, credential: prometheusCredential, now });
  api.addHook('onReady', async () => history.start());
  api.addHook('onClose', async () => history.stop());

  api.get<{ Querystring: Static<typeof SpanQuery> }>('/series', { schema: { querystring: SpanQuery } }, async ({ query }) => {
    const seconds = (query.hours ?? 1) * HOUR_SECONDS;
    if (prometheus === undefined) return { source: 'own', problem: null, ...history.series(seconds) };
    try {
      return { source: 'prometheus', problem: null, ...(await prometheus.series(seconds)) };
    } catch (error) {
      return { source: 'own', problem: HubError.from(error).message, ...history.series(seconds) };
    }
  });
}
