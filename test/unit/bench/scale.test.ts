import { describe, expect, it } from 'vitest';
import { growths, slope } from '#bench/scale/fit.ts';
import { audienceOf, placeOf, relaysOf, SHAPES, toursOf, trafficOf } from '#bench/scale/grid.ts';
import { sumsOf } from '#bench/scale/metrics-text.ts';
import { page, plots } from '#bench/scale/page.ts';
import { type Figures, type Measured, withPoint } from '#bench/scale/results.ts';

/** Figures in which the costs named are these, and all others 1. */
function figures({ delivery = 1, idle = 1, back = 1 }): Figures {
  return {
    connect: {
      seconds: 1,
      gatewayMicros: 1,
      redisMicros: 1,
      redisCalls: 1,
      redisBytes: 1,
      statements: 1,
      presence: 1,
      commands: {},
      retried: 0,
    },
    memory: { eachBytes: 1, kernelBytes: 1 },
    idle: { gatewayMicrosEachConnection: 1, redisCallsEachNode: idle, redisBytesEachNode: 1, commands: {} },
    talk: {
      messages: 1,
      deliveries: 1,
      relays: 1,
      seconds: 1,
      lost: 0,
      gatewayMicrosEachDelivery: delivery,
      loadMicrosEachDelivery: 1,
      gatewayMicrosEachMessage: 1,
      redisMicrosEachMessage: 1,
      redisCallsEachMessage: 1,
      redisInBytesEachMessage: 1,
      redisOutBytesEachRelay: 1,
    },
    restart: { seconds: 1, redisCallsEach: 1, redisBytesEach: 1, gatewayMicrosEach: 1, lostAfter: 0 },
    death: { connections: 1, backSeconds: back, goneSeconds: 1 },
  };
}

const points = (of: (connections: number, nodes: number) => Parameters<typeof figures>[0]): Measured[] =>
  [2, 4, 8].flatMap((nodes) =>
    [1_000, 10_000, 100_000].map((connections) => ({
      nodes,
      connections,
      shape: 'many' as const,
      figures: figures(of(connections, nodes)),
    })),
  );

describe('bench scale', () => {
  it('fits one slope through series of different levels', () => {
    expect(
      slope([
        [
          [0, 1],
          [1, 3],
        ],
        [
          [0, 10],
          [2, 14],
        ],
      ]),
    ).toBeCloseTo(2);
  });

  it('reports a cost that grows with connections, one that grows with nodes, and none that is flat', () => {
    const found = growths(points((connections, nodes) => ({ delivery: connections ** 0.5, idle: nodes, back: connections / 1000 }))).filter(
      ({ tooMuch }) => tooMuch,
    );
    expect(found.map(({ cost, axis, exponent }) => [cost.name, cost.unit, axis, Number(exponent.toFixed(2))])).toEqual([
      ['operations of Redis while idle', 'a node and second', 'nodes', 1],
      ['CPU of the gateways', 'us a delivery', 'connections', 0.5],
    ]);
  });

  it('lets the time for all grow as the connections do, and no faster', () => {
    const dies = growths(points((connections) => ({ back: (connections / 1000) ** 1.5 }))).filter(({ tooMuch }) => tooMuch);
    expect(dies.map(({ cost, exponent }) => [cost.name, exponent])).toEqual([['a gateway died: its people are back', expect.closeTo(1.5)]]);
  });

  it('counts the places of a shape as the audience says, with rooms of ten on two nodes', () => {
    for (const shape of SHAPES) {
      for (const nodes of [1, 2, 4, 8]) {
        const rooms = new Map<string, Set<number>>();
        const perNode = new Array<number>(nodes).fill(0);
        let memberships = 0;
        for (let n = 0; n < 2_000; n += 1) {
          const { room, node } = placeOf(shape, n, nodes);
          perNode[node] = (perNode[node] ?? 0) + 1;
          if (room === undefined) continue;
          memberships += 1;
          rooms.set(room, (rooms.get(room) ?? new Set()).add(node));
        }
        const point = { shape, nodes, connections: 2_000 };
        const audience = audienceOf(point);
        expect(memberships).toBe(audience.memberships);
        expect(rooms.size).toBe(audience.smallRooms + (audience.hall > 0 ? 1 : 0));
        expect(Math.max(...perNode)).toBeLessThanOrEqual((2_000 / nodes) * 1.05);
        for (const [room, on] of rooms) expect(on.size).toBe(room === 'hall' ? audience.hallNodes : audience.smallNodes);
        const traffic = trafficOf(point);
        expect(relaysOf(point, traffic)).toBe(traffic.hall * audience.hallNodes + traffic.small * audience.smallNodes);
      }
    }
  });

  it('leaves out what does not fit into the files of a process', () => {
    expect(toursOf([1, 8], [1_000, 20_000, 100_000], ['one'])).toEqual([
      { nodes: 1, shape: 'one', connections: [1_000] },
      { nodes: 8, shape: 'one', connections: [1_000, 20_000, 100_000] },
    ]);
  });

  it('adds the samples of a metric over processes by its label', () => {
    const text = 'x_count{command="connect",le="1"} 2\nx_count{command="enter"} 3\nxx_count{command="enter"} 9\n';
    expect(sumsOf([text, text], 'x_count', 'command')).toEqual({ connect: 4, enter: 6 });
  });

  it('writes a page and plots from any points, and replaces a point measured again', () => {
    const some = points(() => ({}));
    const results = { machine: 'm', node: '22', redis: '7', from: '2026-01-01T00:00:00Z', to: '2026-01-01T00:00:00Z', points: some };
    expect(page(results)).toContain('Nothing: no cost');
    expect(page(results)).not.toMatch(/NaN|undefined/);
    for (const svg of Object.values(plots(results))) expect(svg).not.toMatch(/NaN|undefined/);
    const [first] = some;
    if (first === undefined) throw new Error('no point');
    const again = withPoint(results, { ...first, figures: figures({ delivery: 7 }) }, '2026-01-02T00:00:00Z');
    expect(again.points).toHaveLength(some.length);
    expect(again.points.filter(({ figures: { talk } }) => talk.gatewayMicrosEachDelivery === 7)).toHaveLength(1);
  });
});
