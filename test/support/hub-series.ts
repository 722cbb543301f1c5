/** The series of a hub as Prometheus would have scraped them, for tests of rules with promtool. */

/** Buckets that these histograms have: the bounds that rules name, and their neighbours. */
const BOUNDS = ['0.01', '0.5', '1', '2.5', '+Inf'] as const;
const USERS = 2000;

/** A program in a simulated hub. Times are minutes of the test. */
export interface SimulatedProcess {
  readonly job: 'parley-gateway' | 'parley-api' | 'parley-worker';
  readonly instance: string;
  /** Prometheus sees it from here on. Default: the beginning. */
  readonly from?: number;
  /** SIGTERM: a gateway drains for a minute, others end at once. Default: never. */
  readonly leaves?: number;
  /** What is left of it after its end: a target that does not answer for so many minutes. */
  readonly downFor?: number;
}

/** A sample: undefined if there is none. */
export type Sample = number | undefined;

/** Series by their name with labels, as PromQL writes them. One sample for each step. */
export type SeriesTable = Map<string, Sample[]>;

/** Changes samples. `since`: minutes since the fault, negative before. */
export type Change = (sample: number, since: number) => Sample;

/** The state of a process at one step. */
interface Moment {
  readonly age: number;
  readonly draining: boolean;
  readonly ready: boolean;
  readonly connections: number;
}

/** Seconds that a gateway drains. */
const DRAIN_SECONDS = 60;
const READY_SECONDS = 30;
/** Scrapes begin some time after the start, and counters are not 0 then. */
const HEAD_START_SECONDS = 5;

/** Metrics of every process. */
const EVERY: Readonly<Record<string, (moment: Moment) => number>> = {
  parley_ready: ({ ready }) => (ready ? 1 : 0),
  parley_redis_up: () => 1,
  parley_store_up: () => 1,
  parley_faults_total: () => 0,
  'parley_background_faults_total{task="presence"}': () => 0,
  'parley_event_loop_lag_seconds{value="p99"}': ({ age }) => (age < READY_SECONDS ? 0.3 : 0.01),
  process_open_fds: ({ connections }) => 50 + connections,
  process_max_fds: () => 10_000,
  process_resident_memory_bytes: () => 2e8,
  parley_memory_max_bytes: () => 1e9,
  nodejs_heap_size_used_bytes: () => 1e8,
  parley_heap_max_bytes: () => 4e8,
  'parley_store_connections{pool="general",state="waiting"}': () => 0,
  'parley_store_queue{queue="messages"}': () => 10,
  'parley_store_queue_max{queue="messages"}': () => 10_000,
  parley_revocation_lag_seconds: () => 1,
  ...histogram('parley_store_statement_seconds', 20, 'statement="insert messages"'),
};

/** A gateway writes 10 messages a second and hands each to its people. */
const GATEWAY: Readonly<Record<string, (moment: Moment) => number>> = {
  parley_drain_state: ({ draining }) => (draining ? 1 : 0),
  parley_drain_max_seconds: () => DRAIN_SECONDS,
  parley_connections: ({ connections }) => connections,
  parley_connections_max: () => 5000,
  parley_users_online: ({ age }) => (age < READY_SECONDS ? 0 : USERS),
  parley_room_events_lag_seconds: () => 0.5,
  parley_clock_offset_seconds: () => 0.001,
  parley_gaps_found_total: ({ age }) => Math.floor(age / 200),
  parley_gaps_filled_total: ({ age }) => Math.floor(age / 200),
  'parley_message_answers_total{retention="history",result="acked"}': ({ age }) => 10 * age,
  'parley_message_answers_total{retention="history",result="failed"}': () => 0,
  'parley_message_answers_total{retention="history",result="refused"}': ({ age }) => 0.2 * age,
  parley_messages_received_total: ({ age }) => 10 * age,
  parley_messages_delivered_total: ({ age }) => 5000 * age,
  parley_upgrades_total: ({ age, connections }) => 5 * age + connections,
  'parley_upgrades_refused_total{code="TOKEN_EXPIRED"}': ({ age }) => 0.1 * age,
  'parley_upgrades_refused_total{code="DRAINING"}': ({ draining }) => (draining ? 500 : 0),
  'parley_disconnects_total{code="1000"}': ({ age }) => 4 * age,
  'parley_disconnects_total{code="1006"}': ({ age }) => 0.1 * age,
  'parley_disconnects_total{code="1012"}': ({ draining, connections }) => (draining ? USERS - connections : 0),
  parley_slow_consumers_total: ({ age }) => Math.floor(age / 600),
  ...histogram('parley_delivery_latency_seconds', 20, 'room_kind="park"'),
  ...histogram('parley_ack_seconds', 10, 'retention="history",room_kind="park"'),
};

/** API and workers have the metrics of gateways, too: always 0. */
const NO_GATEWAY: Readonly<Record<string, (moment: Moment) => number>> = Object.fromEntries(
  [
    'parley_drain_state',
    'parley_connections',
    'parley_connections_max',
    'parley_users_online',
    'parley_gaps_found_total',
    'parley_slow_consumers_total',
  ].map((name) => [name, () => 0]),
);

const API: Readonly<Record<string, (moment: Moment) => number>> = {
  ...NO_GATEWAY,
  'parley_api_request_seconds_count{route="POST /api/v1/auth/verify",status="2xx"}': ({ age }) => age,
  'parley_api_request_seconds_count{route="POST /api/v1/auth/verify",status="4xx"}': ({ age }) => 0.05 * age,
  'parley_logins_total{method="code",result="failed"}': ({ age }) => 0.05 * age,
  'parley_api_rate_limited_total{limit="loginPerAddress"}': () => 0,
};

const WORKER: Readonly<Record<string, (moment: Moment) => number>> = {
  ...NO_GATEWAY,
  'parley_job_oldest_age_seconds{queue="mail"}': () => 0.2,
  'parley_jobs{queue="mail",state="delayed"}': () => 0,
  'parley_jobs_failed_total{queue="mail"}': () => 0,
  'parley_jobs_failed_total{queue="clean-up"}': () => 0,
  'parley_jobs_stalled_total{queue="mail"}': () => 0,
};

const OF_JOB = { 'parley-gateway': GATEWAY, 'parley-api': API, 'parley-worker': WORKER } as const;

/** A histogram to which so many observations come a second, all of them fast. */
function histogram(name: string, perSecond: number, labels: string): Record<string, (moment: Moment) => number> {
  const all = ({ age }: Moment): number => perSecond * age;
  return {
    ...Object.fromEntries(BOUNDS.map((le) => [`${name}_bucket{${labels},le="${le}"}`, all])),
    [`${name}_count{${labels}}`]: all,
  };
}

/**
 * Returns the series of these processes, and of blackbox-exporter, for so many minutes.
 *
 * @param stepSeconds Seconds between two scrapes.
 */
export function hubSeries(processes: readonly SimulatedProcess[], minutes: number, stepSeconds: number): SeriesTable {
  const table: SeriesTable = new Map();
  const steps = Math.floor((minutes * 60) / stepSeconds) + 1;
  const column = (series: string): Sample[] => {
    const samples = table.get(series) ?? Array.from<Sample>({ length: steps });
    table.set(series, samples);
    return samples;
  };
  for (let step = 0; step < steps; step += 1) {
    const second = step * stepSeconds;
    for (const process of processes) {
      const target = `job="${process.job}",instance="${process.instance}"`;
      const moment = momentOf(process, second);
      if (moment !== 'gone') column(`up{${target}}`)[step] = moment === 'down' ? 0 : 1;
      if (typeof moment === 'string') continue;
      const metrics: Readonly<Record<string, (state: Moment) => number>> = {
        ...EVERY,
        ...OF_JOB[process.job],
        process_start_time_seconds: () => second - moment.age,
      };
      for (const [name, value] of Object.entries(metrics)) column(withLabels(name, target))[step] = value(moment);
    }
    const edge = 'job="parley-edge",instance="https://chat.example.com"';
    column(`up{${edge}}`)[step] = 1;
    column(`probe_success{${edge}}`)[step] = 1;
    column(`probe_ssl_earliest_cert_expiry{${edge}}`)[step] = 60 * 86_400;
  }
  return table;
}

/** `gone`: Prometheus has no such target. `down`: it does not answer. */
function momentOf({ job, from, leaves, downFor = 0 }: SimulatedProcess, second: number): Moment | 'gone' | 'down' {
  const age = from === undefined ? second + 3600 : second - from * 60;
  if (age < 0) return 'gone';
  const leaving = leaves === undefined ? -1 : second - leaves * 60;
  const takes = job === 'parley-gateway' ? DRAIN_SECONDS : 0;
  if (leaving > takes) return leaving > takes + downFor * 60 ? 'gone' : 'down';
  const draining = leaving >= 0;
  const share = draining ? 1 - leaving / DRAIN_SECONDS : Math.min(1, age / 60);
  const connections = job === 'parley-gateway' ? Math.round(USERS * share) : 0;
  return { age: age + HEAD_START_SECONDS, draining, ready: !draining && age >= READY_SECONDS, connections };
}

function withLabels(name: string, labels: string): string {
  return name.includes('{') ? name.replace('{', `{${labels},`) : `${name}{${labels}}`;
}

/**
 * Changes every series of which the name and labels contain all of these parts.
 *
 * @param fault The minute of the fault.
 * @throws Error if there is no such series: a case would prove nothing.
 */
export function changeSeries(table: SeriesTable, parts: readonly string[], stepSeconds: number, fault: number, change: Change): void {
  const found = [...table].filter(([series]) => parts.every((part) => series.includes(part)));
  if (found.length === 0) throw new Error(`no series has ${parts.join(' and ')}`);
  for (const [series, samples] of found)
    table.set(
      series,
      samples.map((sample, step) => (sample === undefined ? undefined : change(sample, (step * stepSeconds) / 60 - fault))),
    );
}

/** The series as promtool reads them. A series that ends is marked stale, as Prometheus does. */
export function inputSeries(table: SeriesTable): { readonly series: string; readonly values: string }[] {
  return [...table].map(([series, samples]) => {
    const words: string[] = [];
    for (const [step, sample] of samples.entries()) {
      const before = samples[step - 1];
      words.push(sample === undefined ? (before === undefined ? '_' : 'stale') : String(sample));
    }
    return { series, values: words.join(' ') };
  });
}
