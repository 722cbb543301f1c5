import { figuresOf, type Outcome, type Pace, type SideRun } from './outcome.ts';
import { inTurn, type SideSpec, withSides } from './side.ts';

/** Clients that are cut off and come back. */
export interface Recovery {
  readonly name: string;
  readonly scenario: string;
  /** The first is the baseline. Each has one room. */
  readonly sides: readonly SideSpec[];
  readonly clients: number;
  readonly cutMs: number;
  /** Messages a second meanwhile. */
  readonly rate: number;
}

interface Run extends SideRun {
  readonly lost: number;
  readonly repeated: number;
  readonly failed: number;
  readonly p50: number;
  readonly last: number;
  readonly cpuMillis: number;
}

/** How long it takes until each has everything, and what is lost. */
export function runRecovery({ name, scenario, sides: specs, clients, cutMs, rate }: Recovery, pace: Pace): Promise<Outcome> {
  return withSides(specs, async (sides) => {
    const runs = await inTurn(sides, pace.quick ? 1 : pace.rounds, async (side, round): Promise<Run> => {
      const plan = side.plan({ members: clients, publishers: 1, sampleEvery: 1, readEveryMs: 0 });
      const meter = side.meter();
      const got = await side.load.recover(plan, { cutMs, rate });
      const used = meter.read();
      pace.say(`round ${round + 1}, ${side.spec.label}: lost ${got.lost} of ${got.missed}, everything after ${got.p50.toFixed(0)} ms`);
      await side.quiet();
      return { side: side.spec.label, ...got, cpuMillis: used.serverMicros / 1000, shares: used.shares };
    });
    const figures = figuresOf(scenario, specs, runs, [
      { metric: 'lost', unit: 'messages', take: (run) => run.lost },
      { metric: 'half have everything after', unit: 'ms', take: (run) => run.p50 },
      { metric: 'all have everything after', unit: 'ms', take: (run) => run.last },
      { metric: 'delivered twice', unit: 'messages', take: (run) => run.repeated },
      { metric: 'not connected again', unit: 'clients', take: (run) => run.failed },
      { metric: 'CPU of the whole run', unit: 'ms', take: (run) => run.cpuMillis },
    ]);
    return { name, figures, remarks: [], runs };
  });
}
