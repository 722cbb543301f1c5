/** The hub's metrics in Prometheus's text format. */

import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, type PrometheusContentType, Registry } from 'prom-client';
import { ERRORS, type ErrorCode } from '#libs/protocol/errors.ts';
import { BACKGROUND_TASKS, type BackgroundTask } from './background.ts';
import type { WatchedGauge } from './gauge-table.ts';
import { HISTOGRAMS } from './histogram-table.ts';
import { HubMetrics } from './hub-metrics.ts';
import { JobMetrics } from './job-metrics.ts';
import { LoopLag } from './loop-lag.ts';
import type { MetricEntry } from './metric-entry.ts';
import { HOT_METRICS, OTHER_METRICS } from './metric-table.ts';
import type { SpanResult } from './span-queue.ts';
import { droppedLines } from './standard-output.ts';
import { type LabelValues, type Timing, TimingFamily, TimingHistogram } from './timing-histogram.ts';
import { type GaugeReader, WatchedGauges } from './watched-gauges.ts';

/**
 * Plain numbers: hot code does `hot.delivered += n` and nothing else. Counters only rise; gauges
 * are set.
 */
export type HotMetrics = Record<keyof typeof HOT_METRICS, number>;

/** The values of `parley_drain_state`. */
export const DRAIN_STATES = { serving: 0, draining: 1, drained: 2 } as const;

/** The gauges that a store has values for. */
type StoreGauge = Extract<WatchedGauge, `store${string}`>;

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

const LOGIN_METHODS = ['code', 'registration', 'agent', 'guest', 'customer'] as const;
/** How somebody logs in. */
export type LoginMethod = (typeof LOGIN_METHODS)[number];

const LOGIN_RESULTS = ['accepted', 'failed', 'refused', 'error'] as const;
/** What became of a login. */
export type LoginResult = (typeof LOGIN_RESULTS)[number];

const LIMITS = ['frames', 'handshakes', 'connections', 'bytes', 'history', 'rooms', 'addresses', 'pings'] as const;

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
  readonly jobs: JobMetrics;
  /** The observer of the store. */
  readonly store = {
    statement: (statement: string, seconds: number): void => this.#statements.of(statement).record(seconds),
    waited: (pool: string, seconds: number): void => this.#waits.of(pool).record(seconds),
    watch: (gauge: StoreGauge, labels: LabelValues, read: () => number): void => this.watch(gauge, read, labels),
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
  /** The observer of the link to Redis. */
  readonly redis = { timing: (command: string) => this.#commands.of(command) };
  /** The observer of the API. */
  readonly api = {
    answered: (route: string, status: number, seconds: number): void => this.#answered(route, status, seconds),
    limited: (limit: string): void => this.#apiRateLimited.inc({ limit }),
    limits: (names: readonly string[]): void => {
      for (const limit of names) this.#apiRateLimited.inc({ limit }, 0);
    },
    loggedIn: (method: LoginMethod, result: LoginResult): void => this.#logins.inc({ method, result }),
    logins: (): void => {
      for (const method of LOGIN_METHODS) for (const result of LOGIN_RESULTS) this.#logins.inc({ method, result }, 0);
    },
  };
  readonly #registry = new Registry();
  readonly #histograms: Readonly<Record<keyof typeof HISTOGRAMS, TimingHistogram>>;
  readonly #statements: TimingFamily;
  readonly #waits: TimingFamily;
  readonly #commands: TimingFamily;
  /** By route, then by the first digit of the status. */
  readonly #routes = new Map<string, (Timing | undefined)[]>();
  readonly #apiRateLimited: Counter<string>;
  readonly #logins: Counter<string>;
  readonly #gauges: WatchedGauges;
  #hub: HubMetrics | undefined;
  readonly #refused: Counter<string>;
  readonly #disconnects: Counter<string>;
  readonly #recoveries: Counter<string>;
  readonly #tokensRefused: Counter<string>;
  readonly #rateLimited: Counter<string>;
  readonly #backgroundFaults: Counter<string>;
  readonly #observedEvents: Counter<string>;
  readonly #traceSpans: Counter<string>;
  readonly #loop = new LoopLag();

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
    this.#traceSpans = this.#counter(OTHER_METRICS.traceSpans);
    for (const task of BACKGROUND_TASKS) this.#backgroundFaults.inc({ task }, 0);
    for (const kind of OBSERVED_KINDS) this.#observedEvents.inc({ kind }, 0);
    for (const result of RECOVERIES) this.#recoveries.inc({ result }, 0);
    for (const limit of LIMITS) this.#rateLimited.inc({ limit }, 0);
    // From the start, so that a rise from none is seen.
    for (const code of Object.keys(ERRORS)) this.#refused.inc({ code }, 0);
    for (const code of [...CLOSE_CODES, 'other']) this.#disconnects.inc({ code: String(code) }, 0);
    new Counter({
      ...definition(OTHER_METRICS.logLinesDropped),
      registers,
      collect() {
        this.reset();
        this.inc(droppedLines());
      },
    });
    this.#histograms = Object.fromEntries(
      Object.entries(HISTOGRAMS).map(([key, entry]) => [key, new TimingHistogram(entry, this.#registry)]),
    ) as Record<keyof typeof HISTOGRAMS, TimingHistogram>;
    this.#statements = new TimingFamily(this.#histograms.storeStatement, 'statement');
    this.#waits = new TimingFamily(this.#histograms.storeWait, 'pool');
    this.#commands = new TimingFamily(this.#histograms.redisCommand, 'command');
    this.#apiRateLimited = this.#counter(OTHER_METRICS.apiRateLimited);
    this.#logins = this.#counter(OTHER_METRICS.logins);
    this.#gauges = new WatchedGauges(this.#registry, definition);
    this.#answersMetric();
    this.jobs = new JobMetrics(this.#registry, definition, this.#histograms.jobDuration);
    const loop = this.#loop;
    new Gauge({
      ...definition(OTHER_METRICS.eventLoopLag),
      registers,
      collect() {
        for (const [value, percentile] of Object.entries(LAG_PERCENTILES)) this.set({ value }, loop.percentile(percentile));
        loop.reset();
      },
    });
    new Gauge({ ...definition(OTHER_METRICS.buildInfo), registers }).set({ version }, 1);
    this.#processMetrics();
    this.watch('memoryMax', memoryLimit);
    this.watch('heapMax', () => getHeapStatistics().heap_size_limit);
  }

  /** The series of the hub of this process. From the first call on they are shown. */
  get hub(): HubMetrics {
    this.#hub ??= new HubMetrics(this.#histograms);
    return this.#hub;
  }

  /** Reads one series of a gauge at each scrape from now on. */
  watch(gauge: WatchedGauge, read: GaugeReader, labels?: LabelValues): void {
    this.#gauges.watch(gauge, read, labels);
  }

  /** Counts spans of traces. With 0 a result is shown that has not come yet. */
  spans(result: SpanResult, count: number): void {
    this.#traceSpans.inc({ result }, count);
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
    this.#loop.stop();
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

  #answersMetric(): void {
    const read = (): HubMetrics | undefined => this.#hub;
    new Counter<string>({
      ...definition(OTHER_METRICS.answers),
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [retention, counts] of Object.entries(read()?.answers ?? {}))
          for (const [result, count] of Object.entries(counts)) this.inc({ retention, result }, count);
      },
    });
  }

  #answered(route: string, status: number, seconds: number): void {
    const known = this.#routes.get(route) ?? [];
    if (known.length === 0) this.#routes.set(route, known);
    const digit = Math.trunc(status / 100);
    const timing = known[digit] ?? this.#histograms.apiRequest.make({ route, status: `${digit}xx` });
    known[digit] = timing;
    timing.record(seconds);
  }

  #counter(entry: MetricEntry): Counter<string> {
    return new Counter({ ...definition(entry), registers: [this.#registry] });
  }
}

function definition(entry: MetricEntry) {
  return { name: entry.name, help: entry.help, aggregator: entry.combine, labelNames: [entry.label ?? []].flat() };
}

/** Bytes: the limit of the container (cgroup), or the memory of the machine if that is less. */
function memoryLimit(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}
