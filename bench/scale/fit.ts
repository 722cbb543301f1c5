import { type Point, SHAPES, type Shape } from './grid.ts';
import type { Figures, Measured } from './results.ts';

/** What a cost may grow with. */
export type Axis = 'connections' | 'nodes';

/** A cost of one unit. It should not grow, whatever grows around it. */
export interface Cost {
  readonly name: string;
  readonly unit: string;
  readonly of: (figures: Figures) => number | null | undefined;
  /** What it grows with if it is a time for all and not a cost of one. `null`: it should stay flat. */
  readonly total?: Axis;
}

/** Fewer messages are not told from what else happens in the same time. */
const MESSAGES_LEAST = 100;
const eachMessage = (talk: Figures['talk'], value: number): number | null => (talk.messages < MESSAGES_LEAST ? null : value);
const kib = (bytes: number): number => bytes / 1024;

/** All costs, in the order of the page. */
export const COSTS = [
  { name: 'CPU of the gateways', unit: 'us a connection', of: ({ connect }) => connect.gatewayMicros },
  { name: 'operations of Redis', unit: 'a connection', of: ({ connect }) => connect.redisCalls },
  { name: 'bytes of Redis', unit: 'KiB a connection', of: ({ connect }) => kib(connect.redisBytes) },
  { name: 'scripts of presence', unit: 'a connection', of: ({ connect }) => connect.presence },
  { name: 'statements of PostgreSQL', unit: 'a connection', of: ({ connect }) => connect.statements },
  { name: 'memory of the gateways', unit: 'KiB a connection', of: ({ memory }) => memory && kib(memory.eachBytes) },
  { name: 'memory of the kernel, both ends', unit: 'KiB a connection', of: ({ memory }) => memory && kib(memory.kernelBytes) },
  { name: 'CPU of the gateways while idle', unit: 'us a connection and second', of: ({ idle }) => idle.gatewayMicrosEachConnection },
  { name: 'operations of Redis while idle', unit: 'a node and second', of: ({ idle }) => idle.redisCallsEachNode },
  { name: 'bytes of Redis while idle', unit: 'KiB a node and second', of: ({ idle }) => kib(idle.redisBytesEachNode) },
  { name: 'CPU of the gateways', unit: 'us a delivery', of: ({ talk }) => talk.gatewayMicrosEachDelivery },
  { name: 'CPU of the load', unit: 'us a delivery', of: ({ talk }) => talk.loadMicrosEachDelivery },
  { name: 'operations of Redis', unit: 'a message', of: ({ talk }) => eachMessage(talk, talk.redisCallsEachMessage) },
  { name: 'CPU of Redis', unit: 'us a message', of: ({ talk }) => eachMessage(talk, talk.redisMicrosEachMessage) },
  { name: 'bytes into Redis', unit: 'KiB a message', of: ({ talk }) => eachMessage(talk, kib(talk.redisInBytesEachMessage)) },
  {
    name: 'bytes out of Redis',
    unit: 'KiB a message and node concerned',
    of: ({ talk }) => eachMessage(talk, kib(talk.redisOutBytesEachRelay)),
  },
  { name: 'Redis restarted: all rejoined', unit: 's', of: ({ restart }) => restart.seconds, total: 'connections' },
  { name: 'Redis restarted: its operations', unit: 'a connection or membership', of: ({ restart }) => restart.redisCallsEach },
  { name: 'Redis restarted: CPU of the gateways', unit: 'us a connection', of: ({ restart }) => restart.gatewayMicrosEach },
  { name: 'a gateway died: its people are back', unit: 's', of: ({ death }) => death?.backSeconds, total: 'connections' },
  { name: 'a gateway died: presence is exact', unit: 's', of: ({ death }) => death?.goneSeconds, total: 'connections' },
] as const satisfies readonly Cost[];

/** How a cost grows in the points of one shape. */
export interface Growth {
  readonly cost: Cost;
  readonly shape: Shape;
  readonly axis: Axis;
  /** `cost ~ axis ^ exponent`, by least squares of the logarithms. */
  readonly exponent: number;
  /** The last value of a series divided by its first, on average (geometric). */
  readonly factor: number;
  readonly points: number;
  /** Whether it grows more than it should. */
  readonly tooMuch: boolean;
}

/** Exponents up to this are taken for noise. */
const NOISE = 0.15;
/** So are costs that grow less than by this, from the first to the last point. */
const NOISE_FACTOR = 1.3;

/**
 * Fits how each cost grows with connections (at the same number of nodes) and with nodes (at the
 * same number of connections). One node is left out of the second: it relays nothing to others.
 * A fit needs three values of the axis.
 */
export function growths(points: readonly Measured[]): readonly Growth[] {
  return COSTS.flatMap((cost) =>
    SHAPES.flatMap((shape) => (['connections', 'nodes'] as const).flatMap((axis) => growth(cost, shape, axis, points))),
  );
}

function growth(cost: Cost, shape: Shape, axis: Axis, points: readonly Measured[]): Growth[] {
  const other = axis === 'connections' ? 'nodes' : 'connections';
  const series = new Map<number, [x: number, y: number][]>();
  for (const point of points) {
    const value = cost.of(point.figures);
    if (point.shape !== shape || value === null || value === undefined || value <= 0) continue;
    if (axis === 'nodes' && point.nodes === 1) continue;
    series.set(point[other], [...(series.get(point[other]) ?? []), [Math.log(point[axis]), Math.log(value)]]);
  }
  const long = [...series.values()].filter(({ length }) => length >= 3).map((one) => one.sort(([a], [b]) => a - b));
  if (long.length === 0) return [];
  const exponent = slope(long);
  const factor = Math.exp(long.reduce((sum, one) => sum + (one.at(-1)?.[1] ?? 0) - (one[0]?.[1] ?? 0), 0) / long.length);
  const allowed = cost.total === axis ? 1 : 0;
  return [
    {
      cost,
      shape,
      axis,
      exponent,
      factor,
      points: long.reduce((sum, { length }) => sum + length, 0),
      tooMuch: exponent > allowed + NOISE && factor > NOISE_FACTOR,
    },
  ];
}

/**
 * The slope that several series have in common, by least squares. Each may have a level of its own.
 * NaN if no series has two values of x.
 */
export function slope(series: readonly (readonly (readonly [x: number, y: number])[])[]): number {
  let [over, under] = [0, 0];
  for (const one of series) {
    const meanX = one.reduce((sum, [x]) => sum + x, 0) / one.length;
    const meanY = one.reduce((sum, [, y]) => sum + y, 0) / one.length;
    for (const [x, y] of one) {
      over += (x - meanX) * (y - meanY);
      under += (x - meanX) ** 2;
    }
  }
  return over / under;
}

/** The points of a shape with a number of nodes, by connections. */
export function seriesOf(points: readonly Measured[], { shape, nodes }: Pick<Point, 'shape' | 'nodes'>): readonly Measured[] {
  return points.filter((point) => point.shape === shape && point.nodes === nodes).sort((one, other) => one.connections - other.connections);
}
