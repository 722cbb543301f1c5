import { ratios, spread } from '#bench/measure/stats.ts';
import { usageOf } from '#bench/measure/target.ts';
import type { Figure, Outcome, Pace } from './outcome.ts';
import { pause, rotated, type Side, type SideSpec, withFailures, withSides } from './side.ts';

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

interface Run {
  readonly side: string;
  readonly cpuPerConnection: number;
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
    const rounds: Run[][] = [];
    for (let round = 0; round < (pace.quick ? 1 : pace.rounds); round++) {
      const runs: Run[] = [];
      for (const side of rotated(sides, round)) {
        const run = await measure(side, count);
        pace.say(`round ${round + 1}, ${run.side}: ${run.cpuPerConnection.toFixed(0)} us a connection, ${run.perSecond.toFixed(0)}/s`);
        runs.push(run);
      }
      rounds.push(runs);
    }
    return withFailures(outcome(handshake, rounds), sides);
  });
}

async function measure(side: Side, connections: number): Promise<Run> {
  await side.load.prepare(side.plan({ members: connections, publishers: 0, sampleEvery: 1_000, readEveryMs: 0 }));
  const before = await usageOf(side.target);
  const connected = await side.load.connect();
  await pause(AFTERMATH_MS);
  const cpu = (await usageOf(side.target)).cpuMicros - before.cpuMicros;
  await side.load.disconnect();
  await side.quiet();
  return { side: side.spec.label, cpuPerConnection: cpu / connections, perSecond: connections / connected.seconds };
}

function outcome(handshake: Handshake, rounds: readonly (readonly Run[])[]): Outcome {
  const of = (label: string) => rounds.flatMap((runs) => runs.filter((run) => run.side === label)).map((run) => run.cpuPerConnection);
  const base = of(handshake.sides[0]?.label ?? '');
  const figures = handshake.sides.slice(1).map((side): Figure => {
    const ours = of(side.label);
    const each = ratios(ours, base);
    return {
      scenario: handshake.scenario,
      side: side.label,
      metric: 'CPU a connection',
      unit: 'us',
      ours: spread(ours),
      baseline: spread(base),
      ratio: spread(each),
      ratios: each,
      goal: handshake.goal === undefined ? { kind: 'none' } : { kind: 'at-most', value: handshake.goal, of: 'ratio' },
    };
  });
  return { name: handshake.name, figures, remarks: [], runs: rounds.flat() };
}
