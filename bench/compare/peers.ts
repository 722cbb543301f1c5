import type { TargetKind } from '#bench/measure/target.ts';
import type { SideSpec } from '#bench/scenarios/side.ts';
import type { Absent } from './result.ts';

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

/** Sides that are in no scenario on so many nodes. */
const ABSENT: Readonly<Record<Nodes, readonly Absent[]>> = {
  one: [],
  two: [{ side: 'ws with a loop', reason: 'its loop knows no second node' }],
};
const NCHAN: readonly TargetKind[] = ['nchan', 'nchan-redis'];
const NO_JOIN: Absent = { side: 'nchan', reason: 'a connection is a subscription: an open one enters no further room' };

/** All sides, with these rooms. @param enters whether open connections enter further rooms. */
export function sidesWith(nodes: Nodes, rooms: readonly string[], enters = false): SideSpec[] {
  return PEERS[nodes].filter(({ kind }) => !enters || !NCHAN.includes(kind)).map((peer) => side(peer, rooms));
}

/** Those that `sidesWith` does not have, and why. */
export function absentFrom(nodes: Nodes, enters = false): Absent[] {
  return [...ABSENT[nodes], ...(enters ? [NO_JOIN] : [])];
}

/** The sides of a recovery: Socket.IO with the adapter that its makers recommend for it. */
export function recoveringSides(): { readonly sides: readonly SideSpec[]; readonly absent: readonly Absent[] } {
  const streams: Peer = { label: 'Socket.IO, Redis Streams adapter', kind: 'socket-io-streams' };
  return {
    sides: TWO.map((peer) => side(peer.kind === 'socket-io-redis' ? streams : peer, ['fan'])),
    absent: ABSENT.two,
  };
}

function side({ label, kind, prefix = '' }: Peer, rooms: readonly string[]): SideSpec {
  return { label, kind, rooms: rooms.map((room) => prefix + room) };
}
