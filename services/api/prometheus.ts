/** Reads the numbers of the gateways over time from Prometheus (`PROMETHEUS_URL`). */
import { HubError } from '#libs/protocol/errors.ts';
import { CHARTS, type Chart, LINES_MAX, type NodeSeries } from './node-series.ts';

/** Only gateways have this metric: every process shows the numbers below. */
const OF_GATEWAYS = 'and on (job, instance) parley_outbox_max_bytes';
const p99 = (histogram: string): string => `histogram_quantile(0.99, sum by (job, instance, le) (rate(${histogram}_bucket[$window])))`;

/**
 * All queries that are ever sent. No text of a caller comes into one: only the stretch of time
 * changes.
 */
const QUERIES: Readonly<Record<Chart, string>> = {
  connections: `parley_connections ${OF_GATEWAYS}`,
  messages: `rate(parley_messages_received_total[$window]) ${OF_GATEWAYS}`,
  ack: p99('parley_ack_seconds'),
  delivery: p99('parley_delivery_latency_seconds'),
  redisLag: `parley_redis_lag_seconds ${OF_GATEWAYS}`,
};

/** Points of a line, at most: as many as a chart has pixels. */
const POINTS = 240;
/** Seconds between two points, at least: Prometheus's usual interval between two scrapes. */
const STEP_MIN = 15;
/** Seconds over which rates are taken, at least: four scrapes, so that one may be missed. */
const WINDOW_MIN = 60;
const TIMEOUT_MS = 5000;
const ANSWER_MAX_BYTES = 8 * 1024 * 1024;

/** Options of `Prometheus`. */
export interface PrometheusOptions {
  /** `PROMETHEUS_URL`. */
  readonly url: string;
  /** `PROMETHEUS_CREDENTIAL`: a bearer token, or `user:password`. */
  readonly credential: string | undefined;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** A client of the HTTP API of Prometheus, for the charts alone. */
export class Prometheus {
  readonly #options: PrometheusOptions;

  constructor(options: PrometheusOptions) {
    this.#options = options;
  }

  /**
   * The last `seconds` of all charts. Rejects with `HubError` `UNAVAILABLE`, whose message says why:
   * it has neither the address nor the credential.
   */
  async series(seconds: number): Promise<NodeSeries> {
    const step = Math.max(STEP_MIN, Math.ceil(seconds / POINTS));
    const end = Math.floor(this.#options.now() / 1000 / step) * step;
    const times = Array.from({ length: Math.floor(seconds / step) + 1 }, (_, index) => end - seconds + (seconds % step) + index * step);
    const window = `${Math.max(WINDOW_MIN, step * 2)}s`;
    const lines = await Promise.all(
      CHARTS.map(async (chart) => [chart, await this.#range(QUERIES[chart].replaceAll('$window', window), times, step)] as const),
    );
    return { times, charts: Object.fromEntries(lines) as Record<Chart, NodeSeries['charts'][Chart]> };
  }

  async #range(query: string, times: readonly number[], step: number): Promise<NodeSeries['charts'][Chart]> {
    const { result } = await this.#ask(query, times[0] ?? 0, times.at(-1) ?? 0, step);
    const lines = result.slice(0, LINES_MAX).map(({ metric, values }) => {
      const known = new Map(values.map(([at, value]) => [at, Number(value)]));
      return {
        node: metric.instance ?? '',
        values: times.map((at) => {
          const value = known.get(at);
          // A quantile of nothing is NaN.
          return value === undefined || !Number.isFinite(value) ? null : value;
        }),
      };
    });
    return lines.toSorted((a, b) => (a.node < b.node ? -1 : 1));
  }

  async #ask(query: string, start: number, end: number, step: number): Promise<Matrix> {
    const { url, credential } = this.#options;
    const address = `${url.replace(/\/+$/, '')}/api/v1/query_range`;
    let answer: Response;
    try {
      answer = await fetch(address, {
        method: 'POST',
        body: new URLSearchParams({ query, start: String(start), end: String(end), step: String(step) }),
        headers: { ...(credential !== undefined && { authorization: authorizationOf(credential) }) },
        signal: AbortSignal.timeout(TIMEOUT_MS),
        // A redirect could lead the credential elsewhere.
        redirect: 'error',
      });
    } catch (error) {
      throw new HubError('UNAVAILABLE', 'Prometheus does not answer (PROMETHEUS_URL).', { cause: error });
    }
    if (!answer.ok) {
      await answer.body?.cancel();
      throw new HubError('UNAVAILABLE', `Prometheus answers ${answer.status} (PROMETHEUS_URL, PROMETHEUS_CREDENTIAL).`);
    }
    return matrixOf(await boundedText(answer));
  }
}

interface Matrix {
  readonly result: readonly {
    readonly metric: { readonly instance?: string };
    readonly values: readonly (readonly [at: number, value: string])[];
  }[];
}

/** RFC 6750, RFC 7617. */
function authorizationOf(credential: string): string {
  return credential.includes(':') ? `Basic ${Buffer.from(credential).toString('base64')}` : `Bearer ${credential}`;
}

async function boundedText(answer: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of answer.body ?? []) {
    bytes += part.byteLength;
    if (bytes > ANSWER_MAX_BYTES) throw new HubError('UNAVAILABLE', 'The answer of Prometheus is too large.');
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function matrixOf(text: string): Matrix {
  try {
    const { status, data } = JSON.parse(text) as { readonly status?: unknown; readonly data?: { readonly resultType?: unknown } & Matrix };
    if (status === 'success' && data?.resultType === 'matrix' && Array.isArray(data.result)) return data;
  } catch {
    // As for any other text.
  }
  throw new HubError('UNAVAILABLE', 'What answers at PROMETHEUS_URL is no Prometheus.');
}
