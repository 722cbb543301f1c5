/** The hub's metrics in Prometheus's text form. The only importer of prom-client, with `latency-histogram.ts`. */

import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, type PrometheusContentType, Registry } from 'prom-client';
import { ERRORS, type ErrorCode } from '#libs/protocol/errors.ts';
import { BACKGROUND_TASKS, type BackgroundTask } from './background.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import { HOT_METRICS, type MetricEntry, OTHER_METRICS } from './metric-table.ts';
import { droppedLines } from './standard-output.ts';

/** Upper bounds of the buckets, seconds: from a row in the database to a mail server that takes its time. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** What prom-client is told of an entry of the table. */
type Define = (entry: MetricEntry) => { name: string; help: string; labelNames: string[] };

export interface QueueSample {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
  /** Seconds. */
  readonly oldestAge: number;
}

const STATES = ['waiting', 'active', 'delayed', 'failed'] as const;

/** The metrics of job queues. `queue` is one of a few names. */
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

  /** An attempt at a job of the queue ended after so many seconds. */
  ran(queue: string, seconds: number): void {
    this.#duration.observe({ queue }, seconds);
  }

  failed(queue: string): void {
    this.#failed.inc({ queue });
  }

  stalled(queue: string): void {
    this.#stalled.inc({ queue });
  }

  /** How a queue stands now. */
  sample(queue: string, sample: QueueSample): void {
    for (const state of STATES) this.#queued.set({ queue, state }, sample[state]);
    this.#oldest.set({ queue }, sample.oldestAge);
    this.#failed.inc({ queue }, 0);
    this.#stalled.inc({ queue }, 0);
  }
}

/** Plain numbers: hot code does `hot.delivered += n` and nothing else. Counters only rise; gauges are set. */
export type HotMetrics = Record<keyof typeof HOT_METRICS, number>;

export const DRAIN_STATES = { serving: 0, draining: 1, drained: 2 } as const;

/** What `Metrics.json` gives: travels between processes as it is. */
export type MetricsSnapshot = readonly object[];

/** Close codes that count under their own number: RFC 6455's and the contract's. A client may send any other: those count as one. */
const CLOSE_CODES: ReadonlySet<number> = new Set([
  ...[1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013],
  ...Object.values(ERRORS).flatMap(({ close }) => (close === 0 ? [] : [close])),
]);

/** Types of metrics that only rise, as prom-client names them. */
const LASTING = new Set(['counter', 'histogram']);

const OBSERVED_KINDS = ['online', 'offline', 'occupied', 'vacated'] as const;

const RECOVERIES = ['recovered', 'lost'] as const;

const LIMITS = ['frames', 'handshakes', 'connections', 'bytes', 'history', 'rooms', 'addresses', 'pings'] as const;

/** How often the event-loop delay is sampled, milliseconds: Node adds it to each delay, we take it off. */
const LAG_RESOLUTION_MS = 20;

/** An hour: prom-client's own sampler cannot be left out, only slowed down. */
const NEVER_MS = 3_600_000;

/** Percentiles by the label's value. */
const LAG_PERCENTILES = { p50: 50, p99: 99, max: 100 } as const;

/** One process's metrics, in a registry of its own: several hubs in one process (tests) do not meet. */
export class Metrics {
  /** The content type of `text`. */
  static readonly contentType: string = Registry.PROMETHEUS_CONTENT_TYPE;

  readonly hot: HotMetrics;
  /** Feed it with `record(seconds)`, once for each message relayed. */
  readonly latency: LatencyHistogram;
  readonly jobs: JobMetrics;
  /** What the store tells of itself. */
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

  /** `version`: the build's, for `parley_build_info`. */
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

  /** An observed event was reported. */
  observed(kind: (typeof OBSERVED_KINDS)[number]): void {
    this.#observedEvents.inc({ kind });
  }

  /** A handshake was refused with this code of the error table. */
  refused(code: ErrorCode): void {
    this.#refused.inc({ code });
  }

  /** A connection ended with this close code. */
  disconnected(code: number): void {
    this.#disconnects.inc({ code: CLOSE_CODES.has(code) ? String(code) : 'other' });
  }

  /** A `join` with a position was answered. */
  recovered(result: (typeof RECOVERIES)[number]): void {
    this.#recoveries.inc({ result });
  }

  /** A token was refused; `reason`: a word of a fixed list. */
  tokenRefused(reason: string): void {
    this.#tokensRefused.inc({ reason });
  }

  /** A rate limit struck. */
  rateLimited(limit: (typeof LIMITS)[number]): void {
    this.#rateLimited.inc({ limit });
  }

  /** Something that runs with nobody waiting for it met a bug. */
  backgroundFault(task: BackgroundTask): void {
    this.#backgroundFaults.inc({ task });
  }

  /** Everything in Prometheus's text form. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Everything as plain objects, for `Metrics.aggregate` in another process. */
  json(): Promise<MetricsSnapshot> {
    return this.#registry.getMetricsAsJSON();
  }

  /** Ends the sampling of the event loop: nothing is read afterwards. */
  close(): void {
    this.#loop.disable();
    this.#registry.clear();
  }

  /** The processes of one machine as one text: parts are added, hub-wide numbers are not. */
  static aggregate(snapshots: readonly MetricsSnapshot[]): Promise<string> {
    return AggregatorRegistry.aggregate<PrometheusContentType>([...snapshots]).metrics();
  }

  /** What stays of processes that have ended: their counters and histograms, added up. Their gauges go with them. */
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
   * What prom-client tells of any Node process, but for its own event-loop lag (ours is there, and one sampler is enough) and its gauges that are named like
   * counters (the same stand by type in `nodejs_active_resources` and the like).
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

/** Nanoseconds of Node's histogram (NaN while it is empty) as seconds of real delay. */
function lagSeconds(nanoseconds: number): number {
  return Number.isNaN(nanoseconds) ? 0 : Math.max(0, nanoseconds / 1e9 - LAG_RESOLUTION_MS / 1e3);
}
