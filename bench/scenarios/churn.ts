import { figuresOf, type Outcome, type Pace, type SideRun } from './outcome.ts';
import { inTurn, type Side, type SideSpec, withFailures, withSides } from './side.ts';

/** Open connections that enter rooms and leave them again. */
export interface Churn {
  readonly name: string;
  readonly scenario: string;
  /** The first is the baseline. Their rooms are those that are entered. */
  readonly sides: readonly SideSpec[];
  readonly connections: number;
  /** Joins a second, each followed by a leave. */
  readonly rate: number;
}

interface Run extends SideRun {
  readonly cpuPerVisit: number;
  readonly corePerVisit: number;
  readonly p50: number;
  readonly p99: number;
  readonly unfinished: number;
}

const SECONDS = 4;

/** Server CPU for a join and its leave, and how long a join takes. */
export function runChurn(churn: Churn, pace: Pace): Promise<Outcome> {
  return withSides(churn.sides, async (sides) => {
    for (const side of sides) await side.seat({ rooms: [], members: churn.connections, publishers: 0, sampleEvery: 1_000, readEveryMs: 0 });
    for (const side of sides) await measure(side, churn, 2);
    const runs = await inTurn(sides, pace.quick ? 1 : pace.rounds, async (side, round) => {
      const run = await measure(side, churn, pace.quick ? 2 : SECONDS);
      pace.say(`round ${round + 1}, ${run.side}: ${run.cpuPerVisit.toFixed(1)} us a join and leave, p50 ${run.p50.toFixed(2)} ms`);
      return run;
    });
    const figures = figuresOf(churn.scenario, churn.sides, runs, [
      { metric: 'CPU a join and leave', unit: 'us', take: (run) => run.cpuPerVisit },
      { metric: 'whole core a join and leave', unit: 'us', take: (run) => run.corePerVisit },
      { metric: 'join p50', unit: 'ms', take: (run) => run.p50 },
      { metric: 'join p99', unit: 'ms', take: (run) => run.p99 },
      { metric: 'not answered', unit: 'joins', take: (run) => run.unfinished },
    ]);
    return withFailures({ name: churn.name, figures, remarks: [], runs }, sides);
  });
}

async function measure(side: Side, { rate }: Churn, seconds: number): Promise<Run> {
  const meter = side.meter();
  const got = await side.load.churn({ rooms: side.spec.rooms, rate, seconds });
  const used = meter.read();
  const visits = Math.max(1, got.done);
  return {
    side: side.spec.label,
    cpuPerVisit: used.serverMicros / visits,
    corePerVisit: used.coreMicros / visits,
    p50: got.p50,
    p99: got.p99,
    unfinished: got.unfinished,
    shares: used.shares,
  };
}
