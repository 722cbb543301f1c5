import { LoadProcess } from '#bench/load/load-process.ts';
import { type Memory, memoryNow } from '#bench/measure/target.ts';
import { figuresOf, type Goal, type Outcome, type Pace, type SideRun } from './outcome.ts';
import { type SideSpec, withSides } from './side.ts';

/** Memory of connections that do nothing. */
export interface Idle {
  readonly name: string;
  readonly scenario: string;
  /** The first is the baseline. */
  readonly sides: readonly SideSpec[];
  readonly connections: number;
  /** Most user memory of one connection, bytes; undefined: no goal. */
  readonly goalBytes: number | undefined;
}

interface Run extends SideRun {
  readonly anonymous: number;
  readonly heap: number;
  readonly resident: number;
  readonly kernel: number;
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
  return withSides(
    [spec],
    async ([side]) => {
      if (side === undefined) throw new Error('no side');
      const more = new LoadProcess(`${spec.label}, idle`);
      try {
        await side.seat({ members: WARM, publishers: 0, sampleEvery: WARM, readEveryMs: 0 });
        const before = await memoryNow(side.target);
        await more.prepare(side.plan({ members: connections, publishers: 0, sampleEvery: connections, readEveryMs: 0 }));
        await more.connect();
        await side.quiet();
        const after = await memoryNow(side.target);
        const each = (take: (memory: Memory) => number) => (take(after) - take(before)) / connections;
        return {
          side: spec.label,
          anonymous: each((memory) => memory.anonymous),
          heap: each((memory) => memory.heap),
          resident: each((memory) => memory.resident),
          kernel: each((memory) => memory.kernel),
        };
      } finally {
        await more.stop();
      }
    },
    true,
  );
}

function outcome(idle: Idle, runs: readonly Run[]): Outcome {
  const goal: Goal = idle.goalBytes === undefined ? { kind: 'none' } : { kind: 'at-most', value: idle.goalBytes / 1024, of: 'ours' };
  const figures = figuresOf(idle.scenario, idle.sides, runs, [
    { metric: 'user memory a connection', unit: 'KiB', take: (run) => run.anonymous / 1024, goal },
    { metric: 'of it V8', unit: 'KiB', take: (run) => run.heap / 1024 },
    { metric: 'RSS a connection', unit: 'KiB', take: (run) => run.resident / 1024 },
    { metric: "kernel's part, both ends", unit: 'KiB', take: (run) => run.kernel / 1024 },
  ]);
  return { name: idle.name, figures, remarks: [], runs };
}

function kib(bytes: number): string {
  return (bytes / 1024).toFixed(2);
}
