/** The table of all metrics. ARCHITECTURE.md's table is compared with it. */
import { WATCHED_GAUGES } from './gauge-table.ts';
import { HISTOGRAMS } from './histogram-table.ts';
import type { MetricEntry } from './metric-entry.ts';

/** Plain numbers that hot code changes directly. The key is the field of `Metrics.hot`. */
export const HOT_METRICS = {
  connections: { name: 'parley_connections', kind: 'gauge', help: 'Open connections.', combine: 'sum' },
  connectionsMax: {
    name: 'parley_connections_max',
    kind: 'gauge',
    help: 'Connections that fit: CONNECTIONS_MAX, and what the limit of open files leaves. 0: no limit.',
    combine: 'sum',
  },
  rooms: { name: 'parley_rooms', kind: 'gauge', help: 'Rooms with at least one subscription here.', combine: 'sum' },
  subscriptions: { name: 'parley_subscriptions', kind: 'gauge', help: 'Subscriptions of connections to rooms.', combine: 'sum' },
  usersOnline: {
    name: 'parley_users_online',
    kind: 'gauge',
    help: 'Distinct users online on all nodes, as this node knows it.',
    combine: 'max',
  },
  upgrades: { name: 'parley_upgrades_total', kind: 'counter', help: 'Handshakes that became a connection.', combine: 'sum' },
  received: {
    name: 'parley_messages_received_total',
    kind: 'counter',
    help: 'Messages that connections sent and the hub accepted.',
    combine: 'sum',
  },
  delivered: {
    name: 'parley_messages_delivered_total',
    kind: 'counter',
    help: 'Messages handed to connections: one for each recipient.',
    combine: 'sum',
  },
  bytesReceived: {
    name: 'parley_received_bytes_total',
    kind: 'counter',
    help: 'Bytes of frames that came from connections.',
    combine: 'sum',
  },
  bytesSent: { name: 'parley_sent_bytes_total', kind: 'counter', help: 'Bytes of frames handed to connections.', combine: 'sum' },
  redisLagSeconds: {
    name: 'parley_redis_lag_seconds',
    kind: 'gauge',
    help: 'Round trip of the last probe, published to Redis and received back.',
    combine: 'max',
  },
  redisReconnects: {
    name: 'parley_redis_reconnects_total',
    kind: 'counter',
    help: 'Redis connections that broke and were made again.',
    combine: 'sum',
  },
  gapsFound: { name: 'parley_gaps_found_total', kind: 'counter', help: 'Gaps found in the sequence of a room.', combine: 'sum' },
  gapsFilled: {
    name: 'parley_gaps_filled_total',
    kind: 'counter',
    help: 'Gaps filled from the stream before anything newer was relayed.',
    combine: 'sum',
  },
  unknownSignals: {
    name: 'parley_unknown_signals_total',
    kind: 'counter',
    help: 'Signals of other nodes ignored because this release does not know their kind or version.',
    combine: 'sum',
  },
  slowConsumers: {
    name: 'parley_slow_consumers_total',
    kind: 'counter',
    help: 'Connections dropped because they read too slowly.',
    combine: 'sum',
  },
  socketsDropped: {
    name: 'parley_sockets_dropped_total',
    kind: 'counter',
    help: 'Sockets closed before a request, because open files were running out.',
    combine: 'sum',
  },
  faults: { name: 'parley_faults_total', kind: 'counter', help: 'Unexpected errors: bugs, told by the log.', combine: 'sum' },
  presenceReaped: {
    name: 'parley_presence_reaped_total',
    kind: 'counter',
    help: 'Connections of dead nodes that this node removed.',
    combine: 'sum',
  },
  presenceRestores: {
    name: 'parley_presence_restores_total',
    kind: 'counter',
    help: 'Times that this node put its users back into Redis, which had lost them, or counted this node as dead.',
    combine: 'sum',
  },
  stored: {
    name: 'parley_messages_stored_total',
    kind: 'counter',
    help: 'Messages written to the database by this process.',
    combine: 'sum',
  },
  storeGroups: {
    name: 'parley_store_groups_total',
    kind: 'counter',
    help: 'Statements that wrote a group of messages.',
    combine: 'sum',
  },
  storeSeconds: {
    name: 'parley_store_seconds_total',
    kind: 'counter',
    help: 'Seconds those statements took.',
    combine: 'sum',
  },
  storeErrors: { name: 'parley_store_errors_total', kind: 'counter', help: 'Statements and connections that failed.', combine: 'sum' },
  storeUp: { name: 'parley_store_up', kind: 'gauge', help: '1 while the database answers.', combine: 'max' },
  jwksUp: { name: 'parley_jwks_up', kind: 'gauge', help: '1 while the key set of JWT_JWKS_URL can be fetched; 0 before.', combine: 'max' },
  drainState: { name: 'parley_drain_state', kind: 'gauge', help: '0 serving, 1 draining, 2 drained.', combine: 'max' },
} as const satisfies Record<string, MetricEntry>;

/** Counters and gauges with labels, and those computed at each scrape. */
export const OTHER_METRICS = {
  refused: {
    name: 'parley_upgrades_refused_total',
    kind: 'counter',
    help: 'Handshakes refused, by error code.',
    combine: 'sum',
    label: 'code',
  },
  disconnects: {
    name: 'parley_disconnects_total',
    kind: 'counter',
    help: 'Connections that ended, by close code.',
    combine: 'sum',
    label: 'code',
  },
  recoveries: {
    name: 'parley_recoveries_total',
    kind: 'counter',
    help: 'Joins with a position, by result: recovered, or lost and told so.',
    combine: 'sum',
    label: 'result',
  },
  tokensRefused: {
    name: 'parley_tokens_refused_total',
    kind: 'counter',
    help: 'Tokens refused, by what was wrong: a claim, the key, the signature, the form.',
    combine: 'sum',
    label: 'reason',
  },
  logins: {
    name: 'parley_logins_total',
    kind: 'counter',
    help: 'Logins by how (code: a mailed code that is right, also if an account has to be made yet; registration; agent: a password; guest; customer) and by result: accepted, failed (a wrong code or password), refused (a limit, a ban, a name that is taken, a door that is shut), error (the fault of the hub).',
    combine: 'sum',
    label: ['method', 'result'],
  },
  answers: {
    name: 'parley_message_answers_total',
    kind: 'counter',
    help: "Answers to messages, by what the room keeps: acked, failed (the hub's fault: BUSY, NOT_STORED, UNAVAILABLE, INTERNAL), refused (the sender's).",
    combine: 'sum',
    label: ['retention', 'result'],
  },
  rateLimited: {
    name: 'parley_rate_limited_total',
    kind: 'counter',
    help: 'Times a limit struck: frames, bytes, pings and history pages, new rooms, handshakes, connections of a user, of an address.',
    combine: 'sum',
    label: 'limit',
  },
  apiRateLimited: {
    name: 'parley_api_rate_limited_total',
    kind: 'counter',
    help: 'Requests that a limit of the API refused, by limit.',
    combine: 'sum',
    label: 'limit',
  },
  backgroundFaults: {
    name: 'parley_background_faults_total',
    kind: 'counter',
    help: 'Unexpected errors of what runs with nobody waiting for it, by task: bugs, told by the log.',
    combine: 'sum',
    label: 'task',
  },
  logLinesDropped: {
    name: 'parley_log_lines_dropped_total',
    kind: 'counter',
    help: 'Log lines dropped because nobody read standard output.',
    combine: 'sum',
  },
  eventLoopLag: {
    name: 'parley_event_loop_lag_seconds',
    kind: 'gauge',
    help: 'Event-loop delay since the last scrape: median, 99th percentile, most.',
    combine: 'max',
    label: 'value',
  },
  jobs: {
    name: 'parley_jobs',
    kind: 'gauge',
    help: 'Jobs queued: waiting, active, delayed, or given up and kept.',
    combine: 'max',
    label: ['queue', 'state'],
  },
  jobOldestAge: {
    name: 'parley_job_oldest_age_seconds',
    kind: 'gauge',
    help: 'Since the oldest waiting job was due.',
    combine: 'max',
    label: 'queue',
  },
  jobsFailed: {
    name: 'parley_jobs_failed_total',
    kind: 'counter',
    help: 'Jobs given up: refused for good, or all attempts used.',
    combine: 'sum',
    label: 'queue',
  },
  mailAttempts: {
    name: 'parley_mail_attempts_total',
    kind: 'counter',
    help: 'Attempts to hand a mail to the mail server, by result: sent, retried (it failed and comes again), failed (given up), expired (its code was over before the attempt).',
    combine: 'sum',
    label: 'result',
  },
  jobsStalled: {
    name: 'parley_jobs_stalled_total',
    kind: 'counter',
    help: 'Jobs found whose worker had died: they are done again.',
    combine: 'sum',
    label: 'queue',
  },
  observedEvents: {
    name: 'parley_observed_events_total',
    kind: 'counter',
    help: 'Observed events that this worker reported: users online and offline, rooms occupied and vacated.',
    combine: 'sum',
    label: 'kind',
  },
  traceSpans: {
    name: 'parley_trace_spans_total',
    kind: 'counter',
    help: 'Spans of traces, by result: exported, failed (the collector did not take them), dropped (too many waited). None if traces are off.',
    combine: 'sum',
    label: 'result',
  },
  buildInfo: {
    name: 'parley_build_info',
    kind: 'gauge',
    help: 'Always 1; the version stands in the label.',
    combine: 'first',
    label: 'version',
  },
} as const satisfies Record<string, MetricEntry>;

/** All metrics of the hub, without Node's own process metrics. */
export const METRICS: readonly MetricEntry[] = [
  ...Object.values(HOT_METRICS),
  ...Object.values(OTHER_METRICS),
  ...Object.values(HISTOGRAMS),
  ...Object.values(WATCHED_GAUGES),
];
