import { ratios, spread } from '#bench/measure/stats.ts';
import { usageOf } from '#bench/measure/target.ts';
import type { Figure, Outcome, Pace } from './outcome.ts';
import { type Audience, pause, rotated, type Side, type SideSpec, withFailures, withSides } from './side.ts';

/** Traffic at one steady rate, all sides side by side, one at a time. */
export interface Steady {
  readonly name: string;
  readonly scenario: string;
  /** The first is the baseline. */
  readonly sides: readonly SideSpec[];
  readonly audience: Audience;
  readonly rate: number;
  /** Most CPU of a delivered message, as a multiple of the baseline's; undefined: no goal. */
  readonly cpuGoal: number | undefined;
  /** Most p50 latency, as a multiple of the baseline's; undefined: no goal. */
  readonly latencyGoal: number | undefined;
}

interface Run {
  readonly side: string;
  readonly cpuPerDelivery: number;
  readonly p50: number;
  readonly p99: number;
  readonly lost: number;
  readonly closed: number;
  readonly extra: number;
  readonly bytesPerDelivery: number;
  readonly loadByServer: number;
}

const WINDOW_SECONDS = 5;
const DRAIN_MS = 2_000;
const BETWEEN_MS = 200;

/** CPU for each delivered message and p50 latency at a steady rate. */
export function runSteady(steady: Steady, pace: Pace): Promise<Outcome> {
  return withSides(steady.sides, async (sides) => {
    for (const side of sides) {
      await side.seat(steady.audience);
      pace.say(`${side.spec.label}: seated`);
    }
    // The first window warms up compilers and caches and is not counted.
    for (const side of sides) await measure(side, steady.rate, 2);
    const rounds: Run[][] = [];
    for (let round = 0; round < (pace.quick ? 1 : pace.rounds); round++) {
      const runs: Run[] = [];
      for (const side of rotated(sides, round)) {
        const run = await measure(side, steady.rate, pace.quick ? 3 : WINDOW_SECONDS);
        pace.say(
          `round ${round + 1}, ${run.side}: ${run.cpuPerDelivery.toFixed(2)} us a delivery, p50 ${run.p50.toFixed(2)} ms, lost ${run.lost}`,
        );
        runs.push(run);
        await pause(BETWEEN_MS);
      }
      rounds.push(runs);
    }
    return withFailures(outcome(steady, rounds), sides);
  });
}

async function measure(side: Side, rate: number, seconds: number): Promise<Run> {
  const before = await usageOf(side.target);
  const got = await side.load.run({ rate, seconds, drainMs: DRAIN_MS });
  const cpu = (await usageOf(side.target)).cpuMicros - before.cpuMicros;
  return {
    side: side.spec.label,
    cpuPerDelivery: cpu / Math.max(1, got.received),
    p50: got.p50,
    p99: got.p99,
    lost: got.lost,
    closed: got.closed,
    extra: Math.max(0, got.received - got.expected),
    bytesPerDelivery: got.bytes / Math.max(1, got.received),
    loadByServer: got.cpuMicros / cpu,
  };
}

function outcome(steady: Steady, rounds: readonly (readonly Run[])[]): Outcome {
  const of = (label: string) => rounds.flatMap((runs) => runs.filter((run) => run.side === label));
  const base = of(steady.sides[0]?.label ?? '');
  const figures: Figure[] = [];
  const remarks: string[] = [];
  for (const side of steady.sides.slice(1)) {
    const ours = of(side.label);
    const figure = (metric: string, unit: string, take: (run: Run) => number, goal: number | undefined): Figure => {
      const each = ratios(ours.map(take), base.map(take));
      return {
        scenario: steady.scenario,
        side: side.label,
        metric,
        unit,
        ours: spread(ours.map(take)),
        baseline: spread(base.map(take)),
        ratio: spread(each),
        ratios: each,
        goal: goal === undefined ? { kind: 'none' } : { kind: 'at-most', value: goal, of: 'ratio' },
      };
    };
    figures.push(figure('CPU a delivery', 'us', (run) => run.cpuPerDelivery, steady.cpuGoal));
    figures.push(figure('latency p50', 'ms', (run) => run.p50, steady.latencyGoal));
    figures.push(figure('latency p99', 'ms', (run) => run.p99, undefined));
    figures.push(figure('wire bytes a delivery', 'B', (run) => run.bytesPerDelivery, undefined));
  }
  for (const side of steady.sides) {
    const runs = of(side.label);
    const sum = (take: (run: Run) => number) => runs.reduce((total, run) => total + take(run), 0);
    if (sum((run) => run.lost + run.closed + run.extra) > 0) {
      remarks.push(
        `${side.label}: lost ${sum((run) => run.lost)}, closed ${sum((run) => run.closed)}, too many ${sum((run) => run.extra)}`,
      );
    }
    const load = spread(runs.map((run) => run.loadByServer));
    remarks.push(
      `${side.label}: the load took ${load.median.toFixed(2)} x the servers' CPU (${load.min.toFixed(2)}-${load.max.toFixed(2)})`,
    );
  }
  return { name: steady.name, figures, remarks, runs: rounds.flat() };
}
