import { highestRate, spread } from '#bench/measure/stats.ts';
import { figuresOf, type Measure, type Outcome, type Pace, type SideRun } from './outcome.ts';
import { type Audience, inTurn, pause, type Side, type SideSpec, withFailures, withSides } from './side.ts';

/** A search for the highest rate that loses nothing. */
export interface Peak {
  readonly name: string;
  readonly scenario: string;
  /** The first is the baseline. */
  readonly sides: readonly SideSpec[];
  readonly audience: Audience;
  /** Undefined: half of what the CPU of a few messages promises. */
  readonly start: number | undefined;
  readonly limit: number;
  /** Least share of the baseline's rate; undefined: no goal. */
  readonly goal: number | undefined;
  /** Whether twice that rate is offered, too. Default: no. */
  readonly overload?: boolean;
}

interface Run extends SideRun {
  readonly rate: number;
  /** Shares of a core at that rate. */
  readonly serverBusy: number;
  readonly loadBusy: number;
  readonly overload?: Overload;
}

/** What happened when twice the highest rate was offered. */
interface Overload {
  /** Deliveries a second while it was offered. */
  readonly goodput: number;
  /** By what the highest rate delivers. */
  readonly share: number;
  readonly p50: number;
  readonly p99: number;
  readonly closed: number;
  /** At half of the highest rate, two seconds later. */
  readonly p99After: number;
}

const TRIAL_SECONDS = 3;
/** Deliveries of the first look at what one costs. */
const PROBE_DELIVERIES = 10_000;
/** Time after an overload until things should be as before. */
const CALM_MS = 2_000;
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

/** The highest rate of a side that is seated. It is seated afterwards, too. */
export async function search(side: Side, peak: Pick<Peak, 'audience' | 'start' | 'limit' | 'overload'>, pace: Pace): Promise<Run> {
  const start = peak.start ?? (await promisedRate(side, peak)) / 2;
  let best: Pick<Run, 'serverBusy' | 'loadBusy' | 'shares'> = { serverBusy: 0, loadBusy: 0, shares: {} };
  const rate = await highestRate(start, peak.limit, pace.quick || peak.overload === true ? 0.15 : 0.05, async (asked) => {
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
  const overload = peak.overload === true && rate > 0 ? await offerTwice(side, peak, rate) : undefined;
  return { side: side.spec.label, rate, ...best, ...(overload !== undefined && { overload, shares: overload.shares }) };
}

/** What one core could do if each delivery cost as much as now, messages a second. */
async function promisedRate(side: Side, { audience }: Pick<Peak, 'audience'>): Promise<number> {
  const meter = side.meter();
  const got = await side.load.run({ rate: PROBE_DELIVERIES / audience.members, seconds: 1, drainMs: DRAIN_MS });
  return Math.max(4, ((got.received / Math.max(1, meter.read().serverMicros)) * 1e6 * side.target.servers.length) / audience.members);
}

async function offerTwice(side: Side, { audience }: Pick<Peak, 'audience'>, rate: number): Promise<Overload & Pick<Run, 'shares'>> {
  const meter = side.meter();
  const got = await side.load.run({ rate: rate * 2, seconds: TRIAL_SECONDS, drainMs: 0 });
  const { shares } = meter.read();
  await pause(CALM_MS);
  const after = await side.load.run({ rate: rate / 2, seconds: 1, drainMs: DRAIN_MS });
  const goodput = got.received / got.seconds;
  // What broke is not there for the next round.
  await side.load.disconnect();
  await side.quiet();
  await side.seat(audience);
  return {
    goodput,
    share: goodput / (rate * audience.members),
    p50: got.p50,
    p99: got.p99,
    closed: got.closed,
    p99After: after.p99,
    shares,
  };
}

function outcome(peak: Peak, runs: readonly Run[]): Outcome {
  const of = (take: (overload: Overload) => number) => (run: Run) => (run.overload === undefined ? Number.NaN : take(run.overload));
  const overloads: Measure<Run>[] = [
    { metric: 'deliveries while twice of it is offered', unit: '/s', take: of((one) => one.goodput) },
    { metric: 'of the highest rate', unit: 'share', take: of((one) => one.share) },
    { metric: 'p50 meanwhile', unit: 'ms', take: of((one) => one.p50) },
    { metric: 'p99 meanwhile', unit: 'ms', take: of((one) => one.p99) },
    { metric: 'connections closed', unit: '', take: of((one) => one.closed) },
    { metric: 'p99 two seconds later', unit: 'ms', take: of((one) => one.p99After) },
  ];
  const figures = figuresOf(peak.scenario, peak.sides, runs, [
    {
      metric: 'highest rate without loss',
      unit: 'messages/s',
      take: (run) => run.rate,
      goal: peak.goal === undefined ? { kind: 'none' } : { kind: 'at-least', value: peak.goal, of: 'ratio' },
    },
    ...(peak.overload === true ? overloads : []),
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
