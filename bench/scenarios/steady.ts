import { spread } from '#bench/measure/stats.ts';
import { figuresOf, type Goal, type Outcome, type Pace, type SideRun } from './outcome.ts';
import { type Audience, inTurn, pause, type Side, type SideSpec, withFailures, withSides } from './side.ts';

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

interface Run extends SideRun {
  readonly cpuPerDelivery: number;
  /** Of the servers' core, interrupts and all, microseconds. */
  readonly corePerDelivery: number;
  /** Interrupts, as a share of what the core did. */
  readonly softirqShare: number;
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
    const runs = await inTurn(sides, pace.quick ? 1 : pace.rounds, async (side, round) => {
      const run = await measure(side, steady.rate, pace.quick ? 3 : WINDOW_SECONDS);
      pace.say(
        `round ${round + 1}, ${run.side}: ${run.cpuPerDelivery.toFixed(2)} us a delivery, p50 ${run.p50.toFixed(2)} ms, lost ${run.lost}`,
      );
      await pause(BETWEEN_MS);
      return run;
    });
    return withFailures(outcome(steady, runs), sides);
  });
}

async function measure(side: Side, rate: number, seconds: number): Promise<Run> {
  const meter = side.meter();
  const got = await side.load.run({ rate, seconds, drainMs: DRAIN_MS });
  const used = meter.read();
  const deliveries = Math.max(1, got.received);
  return {
    side: side.spec.label,
    cpuPerDelivery: used.serverMicros / deliveries,
    corePerDelivery: used.coreMicros / deliveries,
    softirqShare: used.softirqMicros / Math.max(1, used.coreMicros),
    shares: used.shares,
    p50: got.p50,
    p99: got.p99,
    lost: got.lost,
    closed: got.closed,
    extra: Math.max(0, got.received - got.expected),
    bytesPerDelivery: got.bytes / deliveries,
    loadByServer: got.cpuMicros / used.serverMicros,
  };
}

function outcome(steady: Steady, runs: readonly Run[]): Outcome {
  const atMost = (value: number | undefined): Goal => (value === undefined ? { kind: 'none' } : { kind: 'at-most', value, of: 'ratio' });
  const figures = figuresOf(steady.scenario, steady.sides, runs, [
    { metric: 'CPU a delivery', unit: 'us', take: (run) => run.cpuPerDelivery, goal: atMost(steady.cpuGoal) },
    { metric: 'whole core a delivery', unit: 'us', take: (run) => run.corePerDelivery },
    { metric: 'latency p50', unit: 'ms', take: (run) => run.p50, goal: atMost(steady.latencyGoal) },
    { metric: 'latency p99', unit: 'ms', take: (run) => run.p99 },
    { metric: 'wire bytes a delivery', unit: 'B', take: (run) => run.bytesPerDelivery },
  ]);
  const remarks: string[] = [];
  for (const side of steady.sides) {
    const own = runs.filter((run) => run.side === side.label);
    const sum = (take: (run: Run) => number) => own.reduce((total, run) => total + take(run), 0);
    if (sum((run) => run.lost + run.closed + run.extra) > 0) {
      remarks.push(
        `${side.label}: lost ${sum((run) => run.lost)}, closed ${sum((run) => run.closed)}, too many ${sum((run) => run.extra)}`,
      );
    }
    const load = spread(own.map((run) => run.loadByServer));
    remarks.push(
      `${side.label}: the load took ${load.median.toFixed(2)} x the servers' CPU (${load.min.toFixed(2)}-${load.max.toFixed(2)})`,
    );
  }
  return { name: steady.name, figures, remarks, runs };
}
