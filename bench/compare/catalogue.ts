import { runChurn } from '#bench/scenarios/churn.ts';
import { runHandshake } from '#bench/scenarios/handshake.ts';
import { runIdle } from '#bench/scenarios/idle.ts';
import type { Outcome, Pace } from '#bench/scenarios/outcome.ts';
import { runPeak } from '#bench/scenarios/peak.ts';
import { runRecovery } from '#bench/scenarios/recovery.ts';
import type { Audience, SideSpec } from '#bench/scenarios/side.ts';
import { runSlow } from '#bench/scenarios/slow.ts';
import { runSteady } from '#bench/scenarios/steady.ts';
import { runStoreBeside, STORE_BASELINE } from '#bench/scenarios/store.ts';
import { absentFrom, type Nodes, recoveringSides, sidesWith } from './peers.ts';
import type { Absent } from './result.ts';

/** A scenario of `npm run bench -- compare [name]`. */
export interface Comparison {
  readonly name: string;
  readonly title: string;
  readonly about: string;
  /** The label of the side that ratios are to. */
  readonly baseline: string;
  readonly absent: readonly Absent[];
  readonly run: (pace: Pace) => Promise<Outcome>;
}

/** What a scenario's runner needs from the catalogue. */
interface Setting {
  readonly name: string;
  readonly scenario: string;
  readonly sides: readonly SideSpec[];
}

const NODES = { one: 'one node', two: 'two nodes' } as const;
const BOTH: readonly Nodes[] = ['one', 'two'];

/** A scenario on one node, on two, or on both. */
function on(
  nodes: readonly Nodes[],
  about: Pick<Comparison, 'name' | 'title' | 'about'>,
  names: readonly string[],
  run: (setting: Setting, pace: Pace) => Promise<Outcome>,
  { enters = false }: { readonly enters?: boolean } = {},
): Comparison[] {
  return nodes.map((count) => {
    const name = `${about.name}-${count}`;
    const title = `${about.title}, ${NODES[count]}`;
    const sides = sidesWith(count, names, enters);
    return {
      name,
      title,
      about: about.about,
      baseline: sides[0]?.label ?? '',
      absent: absentFrom(count, enters),
      run: (pace) => run({ name, scenario: title, sides }, pace),
    };
  });
}

function steady(audience: Audience, rate: number): (setting: Setting, pace: Pace) => Promise<Outcome> {
  return (setting, pace) => runSteady({ ...setting, audience, rate, cpuGoal: undefined, latencyGoal: undefined }, pace);
}

function rooms(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `small${i}`);
}

const SMALL: Audience = { members: 10, publishers: 10, sampleEvery: 5, readEveryMs: 0 };

/** All comparisons, in the order of the page. */
export const COMPARISONS: readonly Comparison[] = [
  ...on(
    BOTH,
    { name: 'fan-out-1000', title: 'Fan-out to a room of 1,000', about: '50 messages a second, 50,000 deliveries.' },
    ['fan'],
    steady({ members: 1_000, publishers: 20, sampleEvery: 25, readEveryMs: 60 }, 50),
  ),
  ...on(
    BOTH,
    { name: 'fan-out-10000', title: 'Fan-out to a room of 10,000', about: '5 messages a second, 50,000 deliveries.' },
    ['fan'],
    steady({ members: 10_000, publishers: 20, sampleEvery: 250, readEveryMs: 60 }, 5),
  ),
  ...on(
    BOTH,
    { name: 'small-200', title: '200 rooms of 10', about: '1,500 messages a second in all, 15,000 deliveries.' },
    rooms(200),
    steady(SMALL, 1_500),
  ),
  ...on(
    BOTH,
    {
      name: 'small-2000',
      title: '2,000 rooms of 10',
      about: '10,000 connections, each in two rooms. 1,500 messages a second in all, 15,000 deliveries.',
    },
    rooms(2_000),
    steady({ ...SMALL, members: 5, publishers: 5, roomsEach: 2 }, 1_500),
    { enters: true },
  ),
  ...on(
    BOTH,
    { name: 'storm', title: 'A storm of connections', about: '3,000 connections into one room, 64 handshakes under way at a time.' },
    ['lobby'],
    (setting, pace) => runHandshake({ ...setting, connections: 3_000, goal: undefined }, pace),
  ),
  ...on(
    ['one'],
    {
      name: 'idle',
      title: 'Memory of an idle connection',
      about: 'The growth from 1,000 connections in a room to 6,000, in new processes.',
    },
    ['lobby'],
    (setting, pace) => runIdle({ ...setting, connections: 5_000, goalBytes: undefined }, pace),
  ),
  ...on(
    BOTH,
    {
      name: 'latency',
      title: 'One-way latency at a moderate rate',
      about: '20 rooms of 20, 100 messages a second in all, read at once by all.',
    },
    rooms(20),
    steady({ members: 20, publishers: 20, sampleEvery: 1, readEveryMs: 0 }, 100),
  ),
  ...on(
    BOTH,
    {
      name: 'churn',
      title: 'Joining and leaving',
      about: '200 open connections, 500 joins a second into 100 rooms, each followed by a leave.',
    },
    rooms(100),
    (setting, pace) => runChurn({ ...setting, connections: 200, rate: 500 }, pace),
    { enters: true },
  ),
  ...[recoveringSides()].map(({ sides, absent }): Comparison => {
    const name = 'recovery';
    const title = 'Recovery, two nodes';
    return {
      name,
      title,
      about:
        '200 clients of a room are cut off for 5 s and come back at once, to the other node, while 20 messages a second are published.',
      baseline: sides[0]?.label ?? '',
      absent,
      run: (pace) => runRecovery({ name, scenario: title, sides, clients: 200, cutMs: 5_000, rate: 20 }, pace),
    };
  }),
  ...on(
    ['one'],
    {
      name: 'slow',
      title: 'One slow consumer among 1,000',
      about:
        '50 messages a second to a room of 1,000. One connection more gets 2,000 texts of 2,048 bytes a second, and reads none of them.',
    },
    ['fan', 'flood'],
    (setting, pace) =>
      runSlow(
        {
          ...setting,
          audience: { members: 1_000, publishers: 20, sampleEvery: 25, readEveryMs: 60 },
          rate: 50,
          floodRate: 2_000,
          floodBytes: 2_048,
        },
        pace,
      ),
  ),
  ...on(
    BOTH,
    {
      name: 'overload-room',
      title: 'Twice the capacity, a room of 1,000',
      about: 'The highest rate without loss, then twice of it for 3 s.',
    },
    ['fan'],
    overloaded({ members: 1_000, publishers: 20, sampleEvery: 25, readEveryMs: 0 }),
  ),
  ...on(
    BOTH,
    {
      name: 'overload-small',
      title: 'Twice the capacity, 200 rooms of 10',
      about: 'The highest rate without loss, then twice of it for 3 s.',
    },
    rooms(200),
    overloaded(SMALL),
  ),
  {
    name: 'store',
    title: 'Stored messages',
    about: 'Groups that keep history, one member on each of two gateways; each message is acknowledged once PostgreSQL has it on the disk.',
    baseline: STORE_BASELINE,
    absent: ['uWS pair', 'Socket.IO', 'nchan', 'NATS', 'Soketi'].map((side) => ({ side, reason: 'stores no history in a database' })),
    run: (pace) => runStoreBeside('store', 'Stored messages', pace),
  },
];

function overloaded(audience: Audience): (setting: Setting, pace: Pace) => Promise<Outcome> {
  return (setting, pace) => runPeak({ ...setting, audience, start: undefined, limit: 40_000, goal: undefined, overload: true }, pace);
}
