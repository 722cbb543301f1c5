import { highestRate, ratios, spread } from '#bench/measure/stats.ts';
import { usageOf } from '#bench/measure/target.ts';
import type { Figure, Outcome, Pace } from './outcome.ts';
import { type Audience, rotated, type Side, type SideSpec, withFailures, withSides } from './side.ts';

/** A search for the highest rate that loses nothing. */
export interface Peak {
  readonly name: string;
  readonly scenario: string;
  /** The first is the baseline. */
  readonly sides: readonly SideSpec[];
  readonly audience: Audience;
  readonly start: number;
  readonly limit: number;
  /** Least share of the baseline's rate. */
  readonly goal: number;
}

interface Run {
  readonly side: string;
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
    const rounds: Run[][] = [];
    for (let round = 0; round < (pace.quick ? 1 : Math.min(3, pace.rounds)); round++) {
      const runs: Run[] = [];
      for (const side of rotated(sides, round)) {
        const run = await search(side, peak, pace);
        pace.say(
          `round ${round + 1}, ${run.side}: ${run.rate} messages/s (servers ${percent(run.serverBusy)}, load ${percent(run.loadBusy)} of a core)`,
        );
        runs.push(run);
      }
      rounds.push(runs);
    }
    return withFailures(outcome(peak, rounds), sides);
  });
}

async function search(side: Side, peak: Peak, pace: Pace): Promise<Run> {
  let best = { serverBusy: 0, loadBusy: 0 };
  const rate = await highestRate(peak.start, peak.limit, pace.quick ? 0.15 : 0.05, async (asked) => {
    const before = await usageOf(side.target);
    const got = await side.load.run({ rate: asked, seconds: TRIAL_SECONDS, drainMs: DRAIN_MS });
    const cpu = (await usageOf(side.target)).cpuMicros - before.cpuMicros;
    const passed = got.lost === 0 && got.closed === 0 && got.seconds <= TRIAL_SECONDS + DRAIN_MS / 1000;
    pace.say(
      `  ${side.spec.label} at ${asked}/s: ${passed ? 'delivered' : `lost ${got.lost} of ${got.expected}, closed ${got.closed}, ${got.seconds.toFixed(1)} s`}`,
    );
    if (passed) best = { serverBusy: cpu / got.seconds / 1e6, loadBusy: got.cpuMicros / got.seconds / 1e6 };
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

function outcome(peak: Peak, rounds: readonly (readonly Run[])[]): Outcome {
  const of = (label: string) => rounds.flatMap((runs) => runs.filter((run) => run.side === label));
  const base = of(peak.sides[0]?.label ?? '').map((run) => run.rate);
  const figures = peak.sides.slice(1).map((side): Figure => {
    const ours = of(side.label).map((run) => run.rate);
    const each = ratios(ours, base);
    return {
      scenario: peak.scenario,
      side: side.label,
      metric: 'highest rate without loss',
      unit: 'messages/s',
      ours: spread(ours),
      baseline: spread(base),
      ratio: spread(each),
      ratios: each,
      goal: { kind: 'at-least', value: peak.goal, of: 'ratio' },
    };
  });
  const remarks = peak.sides.map((side) => {
    const runs = of(side.label);
    return `${side.label}: at its highest rate the servers took ${percent(spread(runs.map((run) => run.serverBusy)).median)} and the load ${percent(spread(runs.map((run) => run.loadBusy)).median)} of a core`;
  });
  return { name: peak.name, figures, remarks, runs: rounds.flat() };
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
