import { expect, it } from 'vitest';
import type { NodeSighting } from '#libs/presence/node-directory.ts';
import { NodeHistory } from '#services/api/node-history.ts';

const node = (id: string, more: Partial<NodeSighting> = {}): NodeSighting => ({
  id,
  version: '1',
  startedAt: 0,
  connections: 1,
  messagesPerSecond: 2,
  redisLag: 0.001,
  state: 'serving',
  rooms: [],
  silent: 0,
  ackP99: 0.02,
  deliveryP99: null,
  ...more,
});

/** A history whose time and gateways the test sets. */
function stage() {
  const world = { now: 0, nodes: [] as readonly NodeSighting[], isAway: false };
  const list = async () => {
    if (world.isAway) throw new Error('away');
    return [...world.nodes];
  };
  return { world, history: new NodeHistory({ nodes: { list }, now: () => world.now }) };
}

it('has the samples of the time that is asked for, by gateway, with gaps where there was none', async () => {
  const { world, history } = stage();
  for (const [now, nodes] of [
    [1_000_000, [node('a')]],
    [2_000_000, [node('b', { connections: 5, ackP99: undefined as unknown as null }), node('a', { silent: 60_000 })]],
    [3_000_000, [node('a', { connections: 3 })]],
  ] as const) {
    Object.assign(world, { now, nodes });
    await history.sample();
  }
  const all = history.series(3600);
  expect(all.times).toEqual([1000, 2000, 3000]);
  expect(all.charts.connections).toEqual([
    { node: 'a', values: [1, null, 3] },
    { node: 'b', values: [null, 5, null] },
  ]);
  expect(all.charts.ack[1]?.values).toEqual([null, null, null]);
  expect(all.charts.delivery[0]?.values).toEqual([null, null, null]);
  expect(history.series(1000).times).toEqual([2000, 3000]);
});

it('has a gap while the backend is away, and is two hours long', async () => {
  const { world, history } = stage();
  world.nodes = [node('a')];
  for (let sample = 0; sample < 500; sample += 1) {
    world.now = sample * 15_000;
    world.isAway = sample === 499;
    await history.sample();
  }
  const { times, charts } = history.series(86_400);
  expect(times.length).toBe(480);
  expect(charts.connections[0]?.values.slice(-2)).toEqual([1, null]);
});
