import { LATE_MS } from '#bench/load/plan.ts';
import { highestRate, spread } from '#bench/measure/stats.ts';
import { compared, type Figure, type Outcome, type Pace, type SideRun } from './outcome.ts';
import { search } from './peak.ts';
import { type Audience, type Side, withSides } from './side.ts';
import { makeRooms } from './store.ts';

/** Rooms that keep a stream, and where the search for their highest rate begins. */
export interface OverloadShape {
  readonly label: string;
  readonly rooms: readonly string[];
  readonly audience: Audience;
  /** Messages a second. */
  readonly start: number;
}

/** One overload, between a calm time and another. */
interface Run extends SideRun {
  readonly shape: string;
  /** The highest rate without loss, and what arrived of twice that rate, messages a second. */
  readonly highest: number;
  readonly goodput: number;
  /** At half of the highest rate, milliseconds. */
  readonly calmP50: number;
  readonly calmP99: number;
  /** Of what was accepted, milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Shares of what was sent: answered at all, and refused. */
  readonly answered: number;
  readonly refused: number;
  /** Connections that ended. */
  readonly dropped: number;
  /** Seconds from the end of the overload until nothing came late any more. */
  readonly backAfter: number;
}

/** How often the highest rate is offered. */
const TIMES = 2;
const LIMIT = 50_000;
const SIDE = 'two gateways';
const STORED = 'stored';
const STORED_START = 500;
const TRIAL_SECONDS = 3;
/** A rate holds if nothing is refused and the slowest acks take no longer, milliseconds. */
const STORED_P99_MS = 1_000;

/** What becomes of twice the highest rate, in each shape, on two gateways. */
export async function runOverload(name: string, shapes: readonly OverloadShape[], pace: Pace): Promise<Outcome> {
  const runs: Run[] = [];
  for (const shape of shapes) runs.push(...(await rounds(shape.rooms, pace, (side) => beginShape(side, shape, pace))));
  runs.push(...(await rounds([], pace, (side) => beginStored(side, pace))));
  const labels = [...shapes.map(({ label }) => label), STORED];
  return {
    name,
    figures: labels.flatMap((label) => figures(label, of(runs, label))),
    remarks: labels.map((label) => remark(of(runs, label))),
    runs,
  };
}

/** Overloads one shape. `begin` resolves with a function that does so once. */
function rounds(rooms: readonly string[], pace: Pace, begin: (side: Side) => Promise<() => Promise<Run>>): Promise<Run[]> {
  return withSides([{ label: SIDE, kind: 'parley-redis', rooms }], async ([side]) => {
    if (side === undefined) throw new RangeError('no side');
    const overload = await begin(side);
    const runs: Run[] = [];
    for (let round = 0; round < (pace.quick ? 1 : Math.min(3, pace.rounds)); round++) {
      const run = await overload();
      pace.say(`${remark([run])}`);
      runs.push(run);
    }
    return runs;
  });
}

async function beginShape(side: Side, { label, audience, start }: OverloadShape, pace: Pace): Promise<() => Promise<Run>> {
  await side.seat(audience);
  const { members } = audience;
  const { rate: highest } = await search(side, { audience, start, limit: LIMIT }, pace);
  const seconds = pace.quick ? 3 : 5;
  return async () => {
    const calm = await side.load.run({ rate: highest / 2, seconds, drainMs: 1_000 });
    const over = await side.load.run({ rate: highest * TIMES, seconds, drainMs: 0 });
    const after = await side.load.run({ rate: highest / 4, seconds: 4, drainMs: 4_000 });
    return {
      side: SIDE,
      shape: label,
      highest,
      goodput: over.received / members / over.seconds,
      calmP50: calm.p50,
      calmP99: calm.p99,
      p50: over.p50,
      p99: over.p99,
      answered: over.answered / over.sent,
      refused: 1 - over.received / over.expected,
      dropped: Math.max(over.closed, after.closed),
      backAfter: after.lateUntil,
    };
  };
}

async function beginStored(side: Side, pace: Pace): Promise<() => Promise<Run>> {
  await side.load.seat(await makeRooms(side));
  const write = (rate: number, seconds: number, warmSeconds = 0) => side.load.write({ inFlight: 0, rate, warmSeconds, seconds });
  await write(STORED_START, TRIAL_SECONDS);
  const highest = await highestRate(STORED_START, LIMIT, pace.quick ? 0.15 : 0.08, async (rate) => {
    const { failed, p99, acked } = await write(rate, TRIAL_SECONDS);
    pace.say(`  ${STORED} at ${rate}/s: ${acked} acked, ${failed} refused, ack p99 ${p99.toFixed(0)} ms`);
    return failed === 0 && p99 <= STORED_P99_MS;
  });
  const seconds = pace.quick ? 3 : 5;
  return async () => {
    const calm = await write(highest / 2, seconds);
    const over = await write(highest * TIMES, seconds);
    const after = await write(highest / 4, 4);
    const sent = highest * TIMES * seconds;
    return {
      side: SIDE,
      shape: STORED,
      highest,
      goodput: over.acked / over.seconds,
      calmP50: calm.p50,
      calmP99: calm.p99,
      p50: over.p50,
      p99: over.p99,
      answered: Math.min(1, (over.acked + over.failed) / sent),
      refused: over.failed / sent,
      dropped: Math.max(over.closed, after.closed),
      backAfter: after.lateUntil,
    };
  };
}

function of(runs: readonly Run[], label: string): Run[] {
  return runs.filter(({ shape }) => shape === label);
}

function figures(label: string, runs: readonly Run[]): Figure[] {
  const all = (take: (run: Run) => number) => runs.map(take);
  const about = { scenario: `${label}, offered ${TIMES} x the highest rate`, side: SIDE };
  const accepted = (metric: string, goal: Figure['goal'], take: (run: Run) => number, calm: (run: Run) => number) =>
    compared({ ...about, metric, unit: 'ms', goal }, all(take), all(calm));
  return [
    compared(
      { ...about, metric: 'goodput', unit: 'messages/s', goal: { kind: 'at-least', value: 0.9, of: 'ratio' } },
      all((run) => run.goodput),
      all((run) => run.highest),
    ),
    accepted(
      'accepted, p50 (beside half of the rate)',
      { kind: 'none' },
      (run) => run.p50,
      (run) => run.calmP50,
    ),
    accepted(
      'accepted, p99 (beside half of the rate)',
      { kind: 'at-most', value: LATE_MS, of: 'ours' },
      (run) => run.p99,
      (run) => run.calmP99,
    ),
  ];
}

function remark(runs: readonly Run[]): string {
  const median = (take: (run: Run) => number) => spread(runs.map(take)).median;
  const percent = (take: (run: Run) => number) => `${Math.round(100 * median(take))} %`;
  return (
    `${runs[0]?.shape}: highest ${median((run) => run.highest).toFixed(0)}/s; offered ${TIMES} x that: ${median((run) => run.goodput).toFixed(0)}/s arrive ` +
    `(p50 ${median((run) => run.p50).toFixed(0)} ms, p99 ${median((run) => run.p99).toFixed(0)} ms), ${percent((run) => run.refused)} refused, ` +
    `${percent((run) => run.answered)} answered, ${Math.max(...runs.map((run) => run.dropped))} connections dropped, nothing late after ${median((run) => run.backAfter).toFixed(1)} s`
  );
}
