/**
 * The hub's metrics in Prometheus's text format. Only this file and `latency-histogram.ts` import
 * prom-client.
 */

import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, type PrometheusContentType, Registry } from 'prom-client';
import { ERRORS, type ErrorCode } from '#libs/protocol/errors.ts';
import { BACKGROUND_TASKS, type BackgroundTask } from './background.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import { HOT_METRICS, type MetricEntry, OTHER_METRICS } from './metric-table.ts';
import { droppedLines } from './standard-output.ts';

/** Upper bounds of the buckets in seconds: from one row of the database to a slow mail server. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Returns the options of prom-client for an entry of the table. */
type Define = (entry: MetricEntry) => { name: string; help: string; labelNames: string[] };

/** The state of a queue. */
export interface QueueSample {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
  /** Seconds since the oldest waiting job was due. */
  readonly oldestAge: number;
}

const STATES = ['waiting', 'active', 'delayed', 'failed'] as const;

/** The metrics of job queues. `queue` is one of a small fixed set of names. */
export class JobMetrics {
  readonly #queued: Gauge<string>;
  readonly #oldest: Gauge<string>;
  readonly #duration: Histogram<string>;
  readonly #failed: Counter<string>;
  readonly #stalled: Counter<string>;

  constructor(registry: Registry, define: Define) {
    const registers = [registry];
    this.#queued = new Gauge({ ...define(OTHER_METRICS.jobs), registers });
    this.#oldest = new Gauge({ ...define(OTHER_METRICS.jobOldestAge), registers });
    this.#duration = new Histogram({ ...define(OTHER_METRICS.jobDuration), buckets: BOUNDS, registers });
    this.#failed = new Counter({ ...define(OTHER_METRICS.jobsFailed), registers });
    this.#stalled = new Counter({ ...define(OTHER_METRICS.jobsStalled), registers });
  }

  /** Records an attempt at a job and its duration in seconds. */
  ran(queue: string, seconds: number): void {
    this.#duration.observe({ queue }, seconds);
  }

  /** Counts a job that failed for good. */
  failed(queue: string): void {
    this.#failed.inc({ queue });
  }

  /** Counts a job whose worker stopped renewing its lock. */
  stalled(queue: string): void {
    this.#stalled.inc({ queue });
  }

  /** Sets the gauges of a queue. */
  sample(queue: string, sample: QueueSample): void {
    for (const state of STATES) this.#queued.set({ queue, state }, sample[state]);
    this.#oldest.set({ queue }, sample.oldestAge);
    this.#failed.inc({ queue }, 0);
    this.#stalled.inc({ queue }, 0);
  }
}

/**
 * Plain numbers: hot code does `hot.delivered += n` and nothing else. Counters only rise; gauges
 * are set.
 */
export type HotMetrics = Record<keyof typeof HOT_METRICS, number>;

/** The values of `parley_drain_state`. */
export const DRAIN_STATES = { serving: 0, draining: 1, drained: 2 } as const;

/** The result of `Metrics.json`. Plain data, so that it can be sent to another process. */
export type MetricsSnapshot = readonly object[];

/**
 * Close codes that are counted separately: those of RFC 6455 and of the contract. A client may send
 * any other code; those are counted together.
 */
const CLOSE_CODES: ReadonlySet<number> = new Set([
  ...[1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013],
  ...Object.values(ERRORS).flatMap(({ close }) => (close === 0 ? [] : [close])),
]);

/** The types of metrics that only rise, as prom-client names them. */
const LASTING = new Set(['counter', 'histogram']);

const OBSERVED_KINDS = ['online', 'offline', 'occupied', 'vacated'] as const;

const RECOVERIES = ['recovered', 'lost'] as const;

const LIMITS = ['frames', 'handshakes', 'connections', 'bytes', 'history', 'rooms', 'addresses', 'pings'] as const;

/**
 * Milliseconds between two samples of the event-loop delay. Node adds this time to each delay;
 * `lagSeconds` subtracts it.
 */
const LAG_RESOLUTION_MS = 20;

/** An hour. prom-client's own sampler cannot be switched off, only slowed down. */
const NEVER_MS = 3_600_000;

/** Percentiles by the value of the label. */
const LAG_PERCENTILES = { p50: 50, p99: 99, max: 100 } as const;

/**
 * The metrics of one process, in a registry of their own. So several hubs in one process (tests) do
 * not share them.
 */
export class Metrics {
  /** The content type of `text`. */
  static readonly contentType: string = Registry.PROMETHEUS_CONTENT_TYPE;

  readonly hot: HotMetrics;
  /** Call `record(seconds)` once for each message relayed. */
  readonly latency: LatencyHistogram;
  readonly jobs: JobMetrics;
  /** The observer of the store. */
  readonly store = {
    group: (size: number, seconds: number): void => {
      this.hot.stored += size;
      this.hot.storeGroups += 1;
      this.hot.storeSeconds += seconds;
    },
    error: (): void => {
      this.hot.storeErrors += 1;
    },
    up: (up: boolean): void => {
      this.hot.storeUp = up ? 1 : 0;
    },
  };
  readonly #registry = new Registry();
  readonly #refused: Counter<string>;
  readonly #disconnects: Counter<string>;
  readonly #recoveries: Counter<string>;
  readonly #tokensRefused: Counter<string>;
  readonly #rateLimited: Counter<string>;
  readonly #backgroundFaults: Counter<string>;
  readonly #observedEvents: Counter<string>;
  readonly #loop: IntervalHistogram;

  /** @param options `version`: the version of the build, for `parley_build_info`. */
  constructor({ version }: { readonly version: string }) {
    const registers = [this.#registry];
    this.hot = this.#hotMetrics();
    this.#refused = this.#counter(OTHER_METRICS.refused);
    this.#disconnects = this.#counter(OTHER_METRICS.disconnects);
    this.#recoveries = this.#counter(OTHER_METRICS.recoveries);
    this.#tokensRefused = this.#counter(OTHER_METRICS.tokensRefused);
    this.#rateLimited = this.#counter(OTHER_METRICS.rateLimited);
    this.#backgroundFaults = this.#counter(OTHER_METRICS.backgroundFaults);
    this.#observedEvents = this.#counter(OTHER_METRICS.observedEvents);
    for (const task of BACKGROUND_TASKS) this.#backgroundFaults.inc({ task }, 0);
    for (const kind of OBSERVED_KINDS) this.#observedEvents.inc({ kind }, 0);
    for (const result of RECOVERIES) this.#recoveries.inc({ result }, 0);
    for (const limit of LIMITS) this.#rateLimited.inc({ limit }, 0);
    new Counter({
      ...definition(OTHER_METRICS.logLinesDropped),
      registers,
      collect() {
        this.reset();
        this.inc(droppedLines());
      },
    });
    this.latency = new LatencyHistogram({ name: OTHER_METRICS.latency.name, help: OTHER_METRICS.latency.help, registers });
    this.jobs = new JobMetrics(this.#registry, definition);
    this.#loop = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
    this.#loop.enable();
    const loop = this.#loop;
    new Gauge({
      ...definition(OTHER_METRICS.eventLoopLag),
      registers,
      collect() {
        for (const [value, percentile] of Object.entries(LAG_PERCENTILES)) this.set({ value }, lagSeconds(loop.percentile(percentile)));
        loop.reset();
      },
    });
    new Gauge({ ...definition(OTHER_METRICS.buildInfo), registers }).set({ version }, 1);
    this.#processMetrics();
  }

  /** Counts an observed event. */
  observed(kind: (typeof OBSERVED_KINDS)[number]): void {
    this.#observedEvents.inc({ kind });
  }

  /** Counts a refused handshake, by the code of the error table. */
  refused(code: ErrorCode): void {
    this.#refused.inc({ code });
  }

  /** Counts a connection that ended, by its close code. */
  disconnected(code: number): void {
    this.#disconnects.inc({ code: CLOSE_CODES.has(code) ? String(code) : 'other' });
  }

  /** Counts the answer to a `join` with a position. */
  recovered(result: (typeof RECOVERIES)[number]): void {
    this.#recoveries.inc({ result });
  }

  /** Counts a refused token. `reason`: a word of a fixed list. */
  tokenRefused(reason: string): void {
    this.#tokensRefused.inc({ reason });
  }

  /** Counts a refusal by a rate limit. */
  rateLimited(limit: (typeof LIMITS)[number]): void {
    this.#rateLimited.inc({ limit });
  }

  /** Counts a failed background task. */
  backgroundFault(task: BackgroundTask): void {
    this.#backgroundFaults.inc({ task });
  }

  /** Returns all metrics in Prometheus's text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Returns all metrics as plain objects, for `Metrics.aggregate` in another process. */
  json(): Promise<MetricsSnapshot> {
    return this.#registry.getMetricsAsJSON();
  }

  /** Stops sampling the event loop. Metrics cannot be read afterwards. */
  close(): void {
    this.#loop.disable();
    this.#registry.clear();
  }

  /** Combines the metrics of several processes into one text, as the table's `combine` says. */
  static aggregate(snapshots: readonly MetricsSnapshot[]): Promise<string> {
    return AggregatorRegistry.aggregate<PrometheusContentType>([...snapshots]).metrics();
  }

  /** Sums the counters and histograms of processes that have ended. Their gauges are dropped. */
  static totals(snapshots: readonly MetricsSnapshot[]): MetricsSnapshot {
    const lasting = snapshots.map((snapshot) => snapshot.filter((metric) => 'type' in metric && LASTING.has(String(metric.type))));
    return AggregatorRegistry.aggregate<PrometheusContentType>(lasting).getMetricsAsArray();
  }

  #hotMetrics(): HotMetrics {
    const hot = Object.fromEntries(Object.keys(HOT_METRICS).map((key) => [key, 0])) as HotMetrics;
    for (const key of Object.keys(HOT_METRICS) as (keyof HotMetrics)[]) {
      const entry: MetricEntry = HOT_METRICS[key];
      const options = { ...definition(entry), registers: [this.#registry] };
      if (entry.kind === 'gauge') {
        new Gauge({
          ...options,
          collect() {
            this.set(hot[key]);
          },
        });
      } else {
        new Counter({
          ...options,
          collect() {
            this.reset();
            this.inc(hot[key]);
          },
        });
      }
    }
    return hot;
  }

  /**
   * Registers prom-client's metrics of a Node process, without two groups: its event-loop lag (ours
   * replaces it) and its gauges whose names end like counters (`nodejs_active_resources` and the
   * like have the same numbers by type).
   */
  #processMetrics(): void {
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: NEVER_MS });
    for (const { name } of this.#registry.getMetricsAsArray()) {
      if (/^nodejs_eventloop_lag_|^nodejs_active_\w+_total$/.test(name)) this.#registry.removeSingleMetric(name);
    }
  }

  #counter(entry: MetricEntry): Counter<string> {
    return new Counter({ ...definition(entry), registers: [this.#registry] });
  }
}

function definition(entry: MetricEntry) {
  return { name: entry.name, help: entry.help, aggregator: entry.combine, labelNames: [entry.label ?? []].flat() };
}

/** Converts nanoseconds of Node's histogram (NaN while it is empty) to seconds of real delay. */
function lagSeconds(nanoseconds: number): number {
  return Number.isNaN(nanoseconds) ? 0 : Math.max(0, nanoseconds / 1e9 - LAG_RESOLUTION_MS / 1e3);
}
