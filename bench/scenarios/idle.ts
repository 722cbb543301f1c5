import { LoadProcess } from '#bench/load/load-process.ts';
import { ratios, spread } from '#bench/measure/stats.ts';
import { usageOf } from '#bench/measure/target.ts';
import type { Figure, Outcome, Pace } from './outcome.ts';
import { type SideSpec, withSides } from './side.ts';

/** Memory of connections that do nothing. */
export interface Idle {
  readonly name: string;
  readonly scenario: string;
  /** The first is the baseline. */
  readonly sides: readonly SideSpec[];
  readonly connections: number;
  /** Most user memory of one connection, bytes. */
  readonly goalBytes: number;
}

interface Run {
  readonly side: string;
  readonly anonymous: number;
  readonly heap: number;
}

/** Connections before the count begins: pools, tables and the young generation have grown. */
const WARM = 1_000;

/**
 * User memory of one idle connection in one room: the growth of the servers' anonymous memory,
 * after a full collection, from a thousand connections to thousands more. Servers are new each
 * time.
 */
export async function runIdle(idle: Idle, pace: Pace): Promise<Outcome> {
  const runs: Run[] = [];
  const rounds = pace.quick ? 1 : Math.min(3, pace.rounds);
  for (let round = 0; round < rounds; round++) {
    for (const spec of idle.sides) {
      const run = await measure(spec, idle.connections);
      pace.say(`round ${round + 1}, ${run.side}: ${kib(run.anonymous)} KiB a connection, of it V8 ${kib(run.heap)}`);
      runs.push(run);
    }
  }
  return outcome(idle, runs);
}

function measure(spec: SideSpec, connections: number): Promise<Run> {
  return withSides([spec], async ([side]) => {
    if (side === undefined) throw new Error('no side');
    const more = new LoadProcess(`${spec.label}, idle`);
    try {
      await side.seat({ members: WARM, publishers: 0, sampleEvery: WARM, readEveryMs: 0 });
      const before = await usageOf(side.target, true);
      await more.prepare(side.plan({ members: connections, publishers: 0, sampleEvery: connections, readEveryMs: 0 }));
      await more.connect();
      await side.quiet();
      const after = await usageOf(side.target, true);
      return {
        side: spec.label,
        anonymous: (after.anonymous - before.anonymous) / connections,
        heap: (after.heap - before.heap) / connections,
      };
    } finally {
      await more.stop();
    }
  });
}

function outcome(idle: Idle, runs: readonly Run[]): Outcome {
  const of = (label: string) => runs.filter((run) => run.side === label);
  const base = of(idle.sides[0]?.label ?? '');
  const figures = idle.sides.slice(1).flatMap((side): Figure[] => {
    const figure = (metric: string, take: (run: Run) => number, goal: Figure['goal']): Figure => {
      const ours = of(side.label).map((run) => take(run) / 1024);
      const theirs = base.map((run) => take(run) / 1024);
      const each = ratios(ours, theirs);
      return {
        scenario: idle.scenario,
        side: side.label,
        metric,
        unit: 'KiB',
        ours: spread(ours),
        baseline: spread(theirs),
        ratio: spread(each),
        ratios: each,
        goal,
      };
    };
    return [
      figure('user memory a connection', (run) => run.anonymous, { kind: 'at-most', value: idle.goalBytes / 1024, of: 'ours' }),
      figure('of it V8', (run) => run.heap, { kind: 'none' }),
    ];
  });
  return { name: idle.name, figures, remarks: [], runs };
}

function kib(bytes: number): string {
  return (bytes / 1024).toFixed(2);
}
