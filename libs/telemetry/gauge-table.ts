/**
 * The table of the gauges that are read at each scrape. A process shows those that it has something
 * to read for.
 */
import type { MetricEntry } from './metric-entry.ts';

/** All gauges for `Metrics.watch`. */
export const WATCHED_GAUGES = {
  ready: { name: 'parley_ready', kind: 'gauge', help: '1 while /readyz answers 200.', combine: 'max' },
  redisUp: { name: 'parley_redis_up', kind: 'gauge', help: '1 while every master of Redis is connected.', combine: 'min' },
  clockOffset: {
    name: 'parley_clock_offset_seconds',
    kind: 'gauge',
    help: "This machine's wall clock less that of Redis. Off by half a round trip at most.",
    combine: 'first',
  },
  sessions: {
    name: 'parley_sessions',
    kind: 'gauge',
    help: 'Open connections by the kind of their user. other: kinds of an issuer.',
    combine: 'sum',
    label: 'kind',
  },
  outboxBytes: {
    name: 'parley_outbox_bytes',
    kind: 'gauge',
    help: 'Bytes that wait in the outboxes of all connections.',
    combine: 'sum',
  },
  outboxLargest: { name: 'parley_outbox_largest_bytes', kind: 'gauge', help: 'Bytes in the fullest outbox.', combine: 'max' },
  outboxMax: {
    name: 'parley_outbox_max_bytes',
    kind: 'gauge',
    help: 'Bytes that an outbox holds. A connection that would have more is dropped.',
    combine: 'max',
  },
  revocationLag: {
    name: 'parley_revocation_lag_seconds',
    kind: 'gauge',
    help: 'Since the begin of the last successful read of the log of revocations: what was revoked since may not be known here.',
    combine: 'max',
  },
  roomEventsLag: {
    name: 'parley_room_events_lag_seconds',
    kind: 'gauge',
    help: 'The same for the log of changes of rooms.',
    combine: 'max',
  },
  messagesInFlight: {
    name: 'parley_messages_in_flight',
    kind: 'gauge',
    help: 'Messages that are not answered yet: of rooms with history (stored), and of others.',
    combine: 'sum',
    label: 'lane',
  },
  messagesInFlightMax: {
    name: 'parley_messages_in_flight_max',
    kind: 'gauge',
    help: 'Messages that may be under way in each lane. Further ones are answered BUSY.',
    combine: 'sum',
  },
  storeQueue: {
    name: 'parley_store_queue',
    kind: 'gauge',
    help: 'Items that wait to be written to the database.',
    combine: 'sum',
    label: 'queue',
  },
  storeQueueMax: {
    name: 'parley_store_queue_max',
    kind: 'gauge',
    help: 'Items that may wait. Further ones are refused.',
    combine: 'sum',
    label: 'queue',
  },
  storeConnections: {
    name: 'parley_store_connections',
    kind: 'gauge',
    help: 'Connections of a pool to the database that are idle or busy, and calls that wait for one.',
    combine: 'sum',
    label: ['pool', 'state'],
  },
  storeConnectionsMax: {
    name: 'parley_store_connections_max',
    kind: 'gauge',
    help: 'Connections that a pool may have.',
    combine: 'sum',
    label: 'pool',
  },
  memoryMax: {
    name: 'parley_memory_max_bytes',
    kind: 'gauge',
    help: 'Memory that the process may use: the limit of its container, or what the machine has.',
    combine: 'max',
  },
  heapMax: {
    name: 'parley_heap_max_bytes',
    kind: 'gauge',
    help: "The limit of V8's heap. The process ends above it.",
    combine: 'sum',
  },
  rateLimit: {
    name: 'parley_rate_limit_per_second',
    kind: 'gauge',
    help: 'What one connection (frames, pings), user (bytes, history, rooms) or address (handshakes) may do a second on average. 0: no limit.',
    combine: 'max',
    label: 'limit',
  },
  connectionsPerClientMax: {
    name: 'parley_connections_per_client_max',
    kind: 'gauge',
    help: 'Connections that one user, or one address, may have on a node. 0: no limit.',
    combine: 'max',
    label: 'client',
  },
  drainMax: {
    name: 'parley_drain_max_seconds',
    kind: 'gauge',
    help: 'DRAIN_SECONDS: a drain that takes longer is ended by force.',
    combine: 'max',
  },
} as const satisfies Record<string, MetricEntry>;

/** A gauge for `Metrics.watch`. */
export type WatchedGauge = keyof typeof WATCHED_GAUGES;
