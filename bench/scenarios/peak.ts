import { highestRate, spread } from '#bench/measure/stats.ts';
import { figuresOf, type Outcome, type Pace, type SideRun } from './outcome.ts';
import { type Audience, inTurn, type Side, type SideSpec, withFailures, withSides } from './side.ts';

/** A search for the highest rate that loses nothing. */
export interface Peak {
  readonly name: string;
  readonly scenario: string;
  /** The first is the baseline. */
  readonly sides: readonly SideSpec[];
  readonly audience: Audience;
  readonly start: number;
  readonly limit: number;
  /** Least share of the baseline's rate; undefined: no goal. */
  readonly goal: number | undefined;
}

interface Run extends SideRun {
  readonly rate: number;
  /** Shares of a core at that rate. */
  readonly serverBusy: number;
  readonly loadBusy: number;
}

const TRIAL_SECONDS = 3;
/** How long the last deliveries of a trial may take. A queue that grew all the time is over it. */
const DRAIN_MS = 1_000;

/** The highest rate at which every message reaches every member, and every connection lives. */
export function runPeak(peak: Peak, pace: Pace): Promise<Outcome> {
  return withSides(peak.sides, async (sides) => {
    for (const side of sides) await side.seat(peak.audience);
    const runs = await inTurn(sides, pace.quick ? 1 : Math.min(3, pace.rounds), async (side, round) => {
      const run = await search(side, peak, pace);
      pace.say(
        `round ${round + 1}, ${run.side}: ${run.rate} messages/s (servers ${percent(run.serverBusy)}, load ${percent(run.loadBusy)} of a core)`,
      );
      return run;
    });
    return withFailures(outcome(peak, runs), sides);
  });
}

async function search(side: Side, peak: Peak, pace: Pace): Promise<Run> {
  let best: Pick<Run, 'serverBusy' | 'loadBusy' | 'shares'> = { serverBusy: 0, loadBusy: 0, shares: {} };
  const rate = await highestRate(peak.start, peak.limit, pace.quick ? 0.15 : 0.05, async (asked) => {
    const meter = side.meter();
    const got = await side.load.run({ rate: asked, seconds: TRIAL_SECONDS, drainMs: DRAIN_MS });
    const used = meter.read();
    const passed = got.lost === 0 && got.closed === 0 && got.seconds <= TRIAL_SECONDS + DRAIN_MS / 1000;
    pace.say(
      `  ${side.spec.label} at ${asked}/s: ${passed ? 'delivered' : `lost ${got.lost} of ${got.expected}, closed ${got.closed}, ${got.seconds.toFixed(1)} s`}`,
    );
    if (passed)
      best = { serverBusy: used.serverMicros / got.seconds / 1e6, loadBusy: got.cpuMicros / got.seconds / 1e6, shares: used.shares };
    else {
      // A failed trial leaves queues and broken connections, so start again.
      await side.load.disconnect();
      await side.quiet();
      await side.seat(peak.audience);
    }
    return passed;
  });
  return { side: side.spec.label, rate, ...best };
}

function outcome(peak: Peak, runs: readonly Run[]): Outcome {
  const figures = figuresOf(peak.scenario, peak.sides, runs, [
    {
      metric: 'highest rate without loss',
      unit: 'messages/s',
      take: (run) => run.rate,
      goal: peak.goal === undefined ? { kind: 'none' } : { kind: 'at-least', value: peak.goal, of: 'ratio' },
    },
  ]);
  const remarks = peak.sides.map(({ label }) => {
    const own = runs.filter((run) => run.side === label);
    return `${label}: at its highest rate the servers took ${percent(spread(own.map((run) => run.serverBusy)).median)} and the load ${percent(spread(own.map((run) => run.loadBusy)).median)} of a core`;
  });
  return { name: peak.name, figures, remarks, runs };
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
