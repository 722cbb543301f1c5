import type { TargetKind } from '#bench/measure/target.ts';
import type { SideSpec } from '#bench/scenarios/side.ts';

/** Parley or a peer on one node or on two. */
interface Peer {
  readonly label: string;
  readonly kind: TargetKind;
  /** Parley's rooms that keep nothing begin with it. */
  readonly prefix?: string;
}

/** On one node. The first is the baseline. */
const ONE: readonly Peer[] = [
  { label: 'bare uWS', kind: 'bare' },
  { label: 'ws with a loop', kind: 'ws' },
  { label: 'Socket.IO', kind: 'socket-io' },
  { label: 'nchan', kind: 'nchan' },
  { label: 'NATS', kind: 'nats' },
  { label: 'Soketi', kind: 'soketi' },
  { label: 'Parley, memory, `live:`', kind: 'parley-memory', prefix: 'live:' },
  { label: 'Parley, memory, stream', kind: 'parley-memory' },
  { label: 'Parley, Redis, `live:`', kind: 'parley-redis-one', prefix: 'live:' },
  { label: 'Parley, Redis, stream', kind: 'parley-redis-one' },
];

/** On two nodes. The first is the baseline. */
const TWO: readonly Peer[] = [
  { label: 'uWS pair, ioredis', kind: 'pair' },
  { label: 'Socket.IO, Redis adapter', kind: 'socket-io-redis' },
  { label: 'nchan, Redis', kind: 'nchan-redis' },
  { label: 'NATS, a cluster', kind: 'nats-cluster' },
  { label: 'Soketi, Redis', kind: 'soketi-redis' },
  { label: 'Parley, `live:`', kind: 'parley-redis', prefix: 'live:' },
  { label: 'Parley, stream', kind: 'parley-redis' },
];

const PEERS = { one: ONE, two: TWO } as const;

/** How many nodes a side has. */
export type Nodes = keyof typeof PEERS;

/** All sides, with these rooms. */
export function sidesWith(nodes: Nodes, rooms: readonly string[], without: readonly TargetKind[] = []): SideSpec[] {
  return PEERS[nodes]
    .filter(({ kind }) => !without.includes(kind))
    .map(({ label, kind, prefix = '' }) => ({ label, kind, rooms: rooms.map((room) => prefix + room) }));
}
