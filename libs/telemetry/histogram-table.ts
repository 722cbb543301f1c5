/** The table of the histograms. */
import type { HistogramEntry } from './metric-entry.ts';

/** From a hop within one machine to an obvious failure. */
const LATENCY = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
/** From an idle Redis on the same machine to its timeout, which is 2 s. */
const REDIS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5] as const;
/** From one row of the database to a slow mail server. */
const JOB = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

const common = { kind: 'histogram', combine: 'sum' } as const;

/** All histograms. `room_kind` is a row of `room-kinds.ts`. */
export const HISTOGRAMS = {
  delivery: {
    ...common,
    name: 'parley_delivery_latency_seconds',
    help: "From the stamp that the publishing gateway gave a message as it took it to this node's sockets, once for each message relayed. This node's clock is set against Redis's; a publisher's clock that is wrong shows in parley_clock_offset_seconds of that node.",
    label: 'room_kind',
    buckets: LATENCY,
  },
  ack: {
    ...common,
    name: 'parley_ack_seconds',
    help: "From a message's frame to its ack, by what the room keeps. Without the wait for the sender's own USER_BYTES_PER_SECOND.",
    label: ['retention', 'room_kind'],
    buckets: LATENCY,
  },
  handshake: {
    ...common,
    name: 'parley_handshake_seconds',
    help: 'From an upgrade request to its 101 (accepted), or to its refusal.',
    label: 'result',
    buckets: LATENCY,
  },
  welcome: {
    ...common,
    name: 'parley_welcome_seconds',
    help: 'From an open socket to its welcome: the user is registered with presence.',
    buckets: LATENCY,
  },
  join: {
    ...common,
    name: 'parley_join_seconds',
    help: 'From a join without a position to its joined.',
    label: 'room_kind',
    buckets: LATENCY,
  },
  recovery: {
    ...common,
    name: 'parley_recovery_seconds',
    help: 'From a join with a position to its last joined: all missed messages were sent (recovered), or the client was told of a loss (lost).',
    label: ['result', 'room_kind'],
    buckets: LATENCY,
  },
  storeStatement: {
    ...common,
    name: 'parley_store_statement_seconds',
    help: 'Statements of PostgreSQL, from sending to the answer or the failure, by verb and table.',
    label: 'statement',
    buckets: LATENCY,
  },
  storeWait: {
    ...common,
    name: 'parley_store_wait_seconds',
    help: 'Waits for a connection of a pool.',
    label: 'pool',
    buckets: LATENCY,
  },
  redisCommand: {
    ...common,
    name: 'parley_redis_command_seconds',
    help: 'Commands of Redis, from sending to the reply or the failure: scripts in lower case, commands in upper case.',
    label: 'command',
    buckets: REDIS,
  },
  apiRequest: {
    ...common,
    name: 'parley_api_request_seconds',
    help: 'Requests of the API, from the request to its answer, by route (page: the files of the pages; none: no such route) and class of the status.',
    label: ['route', 'status'],
    buckets: LATENCY,
  },
  jobDuration: {
    ...common,
    name: 'parley_job_duration_seconds',
    help: 'How long an attempt at a job took, well or not.',
    label: 'queue',
    buckets: JOB,
  },
} as const satisfies Record<string, HistogramEntry>;
