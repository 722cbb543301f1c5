import type { Outcome, Pace } from '#bench/scenarios/outcome.ts';
import type { SideSpec } from '#bench/scenarios/side.ts';
import { runSteady, type Steady } from '#bench/scenarios/steady.ts';
import { type Nodes, sidesWith } from './peers.ts';
import type { Absent } from './result.ts';

/** A scenario of `npm run bench -- compare [name]`. */
export interface Comparison {
  readonly name: string;
  readonly title: string;
  readonly about: string;
  /** The first is the baseline. */
  readonly sides: readonly SideSpec[];
  readonly absent: readonly Absent[];
  readonly run: (pace: Pace) => Promise<Outcome>;
}

const NODES = { one: 'one node', two: 'two nodes' } as const;
const WS_ALONE: Absent = { side: 'ws with a loop', reason: 'its loop knows no second node' };

function steady(
  about: Pick<Comparison, 'name' | 'title' | 'about'>,
  nodes: Nodes,
  rooms: readonly string[],
  traffic: Pick<Steady, 'audience' | 'rate'>,
): Comparison {
  const name = `${about.name}-${nodes}`;
  const title = `${about.title}, ${NODES[nodes]}`;
  const sides = sidesWith(nodes, rooms);
  return {
    name,
    title,
    about: about.about,
    sides,
    absent: nodes === 'two' ? [WS_ALONE] : [],
    run: (pace) => runSteady({ name, scenario: title, sides, ...traffic, cpuGoal: undefined, latencyGoal: undefined }, pace),
  };
}

function both(make: (nodes: Nodes) => Comparison): Comparison[] {
  return [make('one'), make('two')];
}

function rooms(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `small${i}`);
}

/** All comparisons, in the order of the page. */
export const COMPARISONS: readonly Comparison[] = [
  ...both((nodes) =>
    steady(
      { name: 'fan-out-1000', title: 'Fan-out to a room of 1,000', about: '50 messages a second, 50,000 deliveries.' },
      nodes,
      ['fan'],
      { audience: { members: 1_000, publishers: 20, sampleEvery: 25, readEveryMs: 60 }, rate: 50 },
    ),
  ),
  ...both((nodes) =>
    steady(
      { name: 'fan-out-10000', title: 'Fan-out to a room of 10,000', about: '5 messages a second, 50,000 deliveries.' },
      nodes,
      ['fan'],
      { audience: { members: 10_000, publishers: 20, sampleEvery: 250, readEveryMs: 60 }, rate: 5 },
    ),
  ),
  ...both((nodes) =>
    steady(
      { name: 'small-200', title: '200 rooms of 10', about: '1,500 messages a second in all, 15,000 deliveries.' },
      nodes,
      rooms(200),
      { audience: { members: 10, publishers: 10, sampleEvery: 5, readEveryMs: 0 }, rate: 1_500 },
    ),
  ),
  ...both((nodes) =>
    steady(
      {
        name: 'small-2000',
        title: '2,000 rooms of 10',
        about: '10,000 connections, each in two rooms. 1,500 messages a second in all, 15,000 deliveries.',
      },
      nodes,
      rooms(2_000),
      { audience: { members: 5, roomsEach: 2, publishers: 5, sampleEvery: 5, readEveryMs: 0 }, rate: 1_500 },
    ),
  ),
];
