import { figuresOf, type Goal, type Outcome, type Pace, type SideRun } from './outcome.ts';
import { inTurn, pause, type Side, type SideSpec, withFailures, withSides } from './side.ts';

/** Connecting at full speed, 64 handshakes under way at a time. */
export interface Handshake {
  readonly name: string;
  readonly scenario: string;
  /** The first is the baseline. */
  readonly sides: readonly SideSpec[];
  readonly connections: number;
  /** Most CPU, as a multiple of the baseline's; undefined: no goal. */
  readonly goal: number | undefined;
}

interface Run extends SideRun {
  readonly cpuPerConnection: number;
  readonly corePerConnection: number;
  readonly perSecond: number;
}

/** The work after a connect (pushed counts, announced presence) is part of its price. */
const AFTERMATH_MS = 600;

/** Server CPU for each connection: token verified, presence registered, `welcome` sent. */
export function runHandshake(handshake: Handshake, pace: Pace): Promise<Outcome> {
  return withSides(handshake.sides, async (sides) => {
    const count = handshake.connections;
    // Two unmeasured runs: V8's compilers need thousands of handshakes.
    for (const side of [...sides, ...sides]) await measure(side, count);
    const runs = await inTurn(sides, pace.quick ? 1 : pace.rounds, async (side, round) => {
      const run = await measure(side, count);
      pace.say(`round ${round + 1}, ${run.side}: ${run.cpuPerConnection.toFixed(0)} us a connection, ${run.perSecond.toFixed(0)}/s`);
      return run;
    });
    return withFailures(outcome(handshake, runs), sides);
  });
}

async function measure(side: Side, connections: number): Promise<Run> {
  await side.load.prepare(side.plan({ members: connections, publishers: 0, sampleEvery: 1_000, readEveryMs: 0 }));
  const meter = side.meter();
  const connected = await side.load.connect();
  await pause(AFTERMATH_MS);
  const used = meter.read();
  await side.load.disconnect();
  await side.quiet();
  return {
    side: side.spec.label,
    cpuPerConnection: used.serverMicros / connections,
    corePerConnection: used.coreMicros / connections,
    perSecond: connections / connected.seconds,
    shares: used.shares,
  };
}

function outcome(handshake: Handshake, runs: readonly Run[]): Outcome {
  const goal: Goal = handshake.goal === undefined ? { kind: 'none' } : { kind: 'at-most', value: handshake.goal, of: 'ratio' };
  const figures = figuresOf(handshake.scenario, handshake.sides, runs, [
    { metric: 'CPU a connection', unit: 'us', take: (run) => run.cpuPerConnection, goal },
    { metric: 'whole core a connection', unit: 'us', take: (run) => run.corePerConnection },
    { metric: 'connections', unit: '/s', take: (run) => run.perSecond },
  ]);
  return { name: handshake.name, figures, remarks: [], runs };
}
