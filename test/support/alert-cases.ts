/** One fault for each alert, in a hub that is well otherwise: `test/integration/alert-rules.test.ts`. */
import type { Change, Sample } from './hub-series.ts';

/** The minute at which a fault begins. Before, every window of 5 minutes is filled. */
const FAULT = 6;
const DAY = 24 * 60;

/** A fault, and the alert that it raises. */
export interface AlertCase {
  readonly alert: string;
  readonly severity: 'critical' | 'warning';
  /** The labels of the alert, without its name and severity. */
  readonly labels: Readonly<Record<string, string>>;
  /** Parts of a series' name and labels, and what the fault makes of its samples. */
  readonly changes: readonly (readonly [parts: readonly string[], change: Change])[];
  /** Minutes after the fault at which nothing fires yet. */
  readonly quiet: number;
  /** Minutes after the fault at which this alert fires, and no other but `also`. */
  readonly fires: number;
  /** Alerts that the same fault raises, too. */
  readonly also?: readonly string[];
  /** Minutes after the fault at which it has ended, and then at which nothing fires. */
  readonly over?: readonly [ended: number, quiet: number];
  /** The minute of the fault. Default 6. */
  readonly fault?: number;
  /** Only series with one of these parts, in steps of a minute: for cases of days. */
  readonly only?: readonly string[];
}

/** The minute of a case's fault. */
export function faultOf({ fault = FAULT }: AlertCase): number {
  return fault;
}

const G1 = { job: 'parley-gateway', instance: 'gateway-1' } as const;
const WORKER = { job: 'parley-worker', instance: 'worker-1' } as const;
const EDGE = { job: 'parley-edge', instance: 'https://chat.example.com' } as const;

/** Sets samples from the fault on. */
const becomes =
  (value: Sample, ended = Number.POSITIVE_INFINITY): Change =>
  (sample, since) =>
    since < 0 || since >= ended ? sample : value;

/** Adds to a counter so much a second from the fault on. Negative: a counter that rises less. */
const rises =
  (perSecond: number, ended = Number.POSITIVE_INFINITY): Change =>
  (sample, since) =>
    sample + perSecond * 60 * Math.max(0, Math.min(since, ended));

/** Adds to a counter once, at the fault. */
const jumps =
  (by: number): Change =>
  (sample, since) =>
    since < 0 ? sample : sample + by;

/** All observations of a histogram take longer than these bounds. `perSecond`: how many there are. */
const slower = (name: string, perSecond: number, bounds: readonly string[], ended?: number): AlertCase['changes'] =>
  bounds.map((le) => [[`${name}_bucket`, `le="${le}"`], rises(-perSecond, ended)] as const);

/** An instance starts again every four minutes. */
const restarts: Change = (sample, since) => (since < 0 ? sample : 1000 + Math.floor(since / 4));

/** A leaf of the table: a gauge of gateway-1 that changes. */
const gauge = (name: string, value: number, ended?: number): AlertCase['changes'] => [[[name, G1.instance], becomes(value, ended)]];

export const ALERT_CASES: readonly AlertCase[] = [
  // Processes.
  {
    alert: 'ParleyNodeDown',
    severity: 'critical',
    labels: G1,
    changes: [
      [['up{', G1.instance], becomes(0, 5)],
      [['_', G1.instance], becomes(undefined, 5)],
    ],
    quiet: 1.5,
    fires: 2.5,
    over: [5, 5.5],
  },
  {
    alert: 'ParleyTargetMissing',
    severity: 'critical',
    labels: { job: WORKER.job },
    changes: [[[WORKER.instance], becomes(undefined)]],
    quiet: 4.5,
    fires: 10.5,
  },
  { alert: 'ParleyNodeNotReady', severity: 'critical', labels: G1, changes: gauge('parley_ready', 0), quiet: 2.5, fires: 3.5 },
  {
    alert: 'ParleyNodeRestarting',
    severity: 'critical',
    labels: WORKER,
    changes: [[['process_start_time_seconds', WORKER.instance], restarts]],
    quiet: 7.5,
    fires: 8.5,
  },
  {
    alert: 'ParleyDrainStuck',
    severity: 'warning',
    labels: G1,
    changes: [[['parley_drain_state', G1.instance], becomes(1)]],
    quiet: 2,
    fires: 5,
  },
  {
    alert: 'ParleyEventLoopLag',
    severity: 'warning',
    labels: { ...G1, value: 'p99' },
    changes: [[['parley_event_loop_lag_seconds', G1.instance], becomes(0.25, 20)]],
    quiet: 5,
    fires: 9,
    over: [20, 25],
  },
  {
    alert: 'ParleyConnectionsNearLimit',
    severity: 'warning',
    labels: G1,
    changes: gauge('parley_connections{', 4500),
    quiet: 4.5,
    fires: 5.5,
  },
  { alert: 'ParleyFilesNearLimit', severity: 'warning', labels: G1, changes: gauge('process_open_fds', 9000), quiet: 4.5, fires: 5.5 },
  {
    alert: 'ParleyMemoryNearLimit',
    severity: 'warning',
    labels: G1,
    changes: gauge('process_resident_memory_bytes', 9.5e8),
    quiet: 9.5,
    fires: 10.5,
  },
  {
    alert: 'ParleyMemoryNearLimit',
    severity: 'warning',
    labels: G1,
    changes: gauge('nodejs_heap_size_used_bytes', 3.8e8),
    quiet: 9.5,
    fires: 10.5,
  },
  { alert: 'ParleyClockSkew', severity: 'warning', labels: G1, changes: gauge('parley_clock_offset_seconds', -3), quiet: 9.5, fires: 10.5 },
  {
    alert: 'ParleyFaults',
    severity: 'warning',
    labels: G1,
    changes: [[['parley_background_faults_total', G1.instance], jumps(1)]],
    quiet: -0.5,
    fires: 0.5,
    over: [0, 16],
  },
  // People and messages.
  {
    alert: 'ParleyRedisDisconnected',
    severity: 'critical',
    labels: WORKER,
    changes: [[['parley_redis_up', 'worker-1'], becomes(0, 5)]],
    quiet: 0,
    fires: 0.5,
    over: [5, 5.25],
  },
  {
    alert: 'ParleyGapsUnfilled',
    severity: 'warning',
    labels: G1,
    changes: [[['parley_gaps_found_total', G1.instance], jumps(3)]],
    quiet: 1.5,
    fires: 2.5,
    over: [0, 12],
  },
  {
    alert: 'ParleyDeliverySlow',
    severity: 'warning',
    labels: {},
    changes: slower('parley_delivery_latency_seconds', 0.4, ['0.01', '0.5', '1']),
    quiet: 5,
    fires: 9,
  },
  {
    alert: 'ParleyAckSlow',
    severity: 'warning',
    labels: {},
    changes: slower('parley_ack_seconds', 0.2, ['0.01', '0.5', '1']),
    quiet: 5,
    fires: 9,
  },
  {
    alert: 'ParleyDisconnectSpike',
    severity: 'critical',
    labels: {},
    changes: [[['parley_disconnects_total', '"1006"'], rises(2, 15)]],
    quiet: 1,
    fires: 6,
    over: [15, 21],
  },
  {
    alert: 'ParleyRefusalSpike',
    severity: 'critical',
    labels: {},
    changes: [[['parley_upgrades_refused_total', 'TOKEN_EXPIRED'], rises(5)]],
    quiet: 1.5,
    fires: 6,
  },
  {
    alert: 'ParleySlowConsumers',
    severity: 'warning',
    labels: {},
    changes: [[['parley_slow_consumers_total'], rises(0.2)]],
    quiet: 4.5,
    fires: 9,
  },
  { alert: 'ParleyPresenceDrift', severity: 'warning', labels: {}, changes: gauge('parley_users_online', 1900), quiet: 4.5, fires: 5.5 },
  // Backends.
  { alert: 'ParleyStoreDown', severity: 'critical', labels: G1, changes: gauge('parley_store_up', 0), quiet: 0.5, fires: 1.5 },
  {
    alert: 'ParleyStoreSlow',
    severity: 'warning',
    labels: {},
    changes: slower('parley_store_statement_seconds', 1, ['0.01', '0.5']),
    quiet: 5,
    fires: 9,
  },
  {
    alert: 'ParleyStoreLag',
    severity: 'critical',
    labels: G1,
    changes: gauge('parley_revocation_lag_seconds', 30),
    quiet: 0.5,
    fires: 1.5,
  },
  { alert: 'ParleyStoreLag', severity: 'critical', labels: G1, changes: gauge('parley_store_queue{', 8000), quiet: 0.5, fires: 1.5 },
  {
    alert: 'ParleyStorePoolSaturated',
    severity: 'warning',
    labels: { ...G1, pool: 'general', state: 'waiting' },
    changes: gauge('parley_store_connections', 5),
    quiet: 1.5,
    fires: 4,
  },
  {
    alert: 'ParleyJobsWaiting',
    severity: 'warning',
    labels: { queue: 'mail' },
    changes: [[['parley_job_oldest_age_seconds'], rises(1)]],
    quiet: 3.5,
    fires: 5,
  },
  {
    alert: 'ParleyJobsStalled',
    severity: 'warning',
    labels: { queue: 'mail' },
    changes: [[['parley_jobs_stalled_total'], jumps(4)]],
    quiet: -0.5,
    fires: 0.5,
    over: [0, 31],
  },
  {
    alert: 'ParleyJobsFailing',
    severity: 'warning',
    labels: { queue: 'clean-up' },
    changes: [[['parley_jobs_failed_total', 'clean-up'], rises(0.02)]],
    quiet: 1.5,
    fires: 4,
  },
  {
    alert: 'ParleyMailFailing',
    severity: 'critical',
    labels: {},
    changes: [[['parley_jobs{', 'delayed'], becomes(3, 6)]],
    quiet: 2.5,
    fires: 3.5,
    over: [6, 6.5],
  },
  {
    alert: 'ParleyMailFailing',
    severity: 'critical',
    labels: {},
    changes: [[['parley_jobs_failed_total', 'mail'], jumps(1)]],
    quiet: 2.5,
    fires: 3.5,
    over: [0, 16],
  },
  // The way in.
  {
    alert: 'ParleyLoginBruteForce',
    severity: 'warning',
    labels: {},
    changes: [[['parley_logins_total', 'failed'], rises(2)]],
    quiet: 2,
    fires: 5,
  },
  {
    alert: 'ParleyLoginBruteForce',
    severity: 'warning',
    labels: {},
    changes: [[['parley_api_rate_limited_total'], rises(1)]],
    quiet: 2,
    fires: 5,
  },
  { alert: 'ParleyEdgeDown', severity: 'critical', labels: EDGE, changes: [[['probe_success'], becomes(0)]], quiet: 1.5, fires: 2.5 },
  {
    alert: 'ParleyCertificateNearEnd',
    severity: 'warning',
    labels: EDGE,
    changes: [[['probe_ssl_earliest_cert_expiry'], becomes(10 * 86_400)]],
    quiet: 14.5,
    fires: 15.5,
  },
  {
    alert: 'ParleyCertificateEnds',
    severity: 'critical',
    labels: EDGE,
    changes: [[['probe_ssl_earliest_cert_expiry'], becomes(2 * 86_400)]],
    quiet: 4.5,
    fires: 5.5,
  },
  // Objectives. The rates of the first minutes after a fault are averages with the time before.
  {
    alert: 'ParleyAckBudgetBurnsFast',
    severity: 'critical',
    labels: {},
    changes: [[['parley_message_answers_total', 'failed'], rises(1)]],
    quiet: 2,
    fires: 10,
  },
  {
    alert: 'ParleyDeliveryBudgetBurnsFast',
    severity: 'critical',
    labels: {},
    also: ['ParleyDeliverySlow'],
    changes: slower('parley_delivery_latency_seconds', 8, ['0.01', '0.5', '1']),
    quiet: 2,
    fires: 15,
  },
  {
    alert: 'ParleyAckBudgetBurnsSlowly',
    severity: 'warning',
    labels: {},
    fault: 3 * DAY,
    only: ['up{', 'parley_message_answers_total'],
    // 0.4 %: three days have 0.1 % of it after 18 hours.
    changes: [[['parley_message_answers_total', 'failed'], rises(0.04)]],
    quiet: 17.5 * 60,
    fires: 19.5 * 60,
  },
  {
    alert: 'ParleyDeliveryBudgetBurnsSlowly',
    severity: 'warning',
    labels: {},
    fault: 3 * DAY,
    only: ['up{', 'parley_delivery_latency_seconds'],
    // 3 %: three days have 1 % of it after 24 hours.
    changes: slower('parley_delivery_latency_seconds', 0.6, ['0.01', '0.5']),
    quiet: 23.5 * 60,
    fires: 24.7 * 60,
  },
];
