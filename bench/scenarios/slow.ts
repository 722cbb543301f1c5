import { peakOf, resetPeak } from '#bench/measure/proc.ts';
import { memoryNow } from '#bench/measure/target.ts';
import { figuresOf, type Outcome, type Pace, type SideRun } from './outcome.ts';
import { type Audience, inTurn, type Side, type SideSpec, withFailures, withSides } from './side.ts';

/** One connection that gets a flood and does not read, beside a room of others. */
export interface Slow {
  readonly name: string;
  readonly scenario: string;
  /** The first is the baseline. Two rooms: that of the others, and that of the flood. */
  readonly sides: readonly SideSpec[];
  readonly audience: Audience;
  /** Messages a second to the others. */
  readonly rate: number;
  /** Messages a second to the one, and the bytes of their texts. */
  readonly floodRate: number;
  readonly floodBytes: number;
}

interface Run extends SideRun {
  readonly p99: number;
  /** While the one reads. */
  readonly p99Before: number;
  readonly lost: number;
  readonly growth: number;
  readonly cutOff: number;
}

const SECONDS = 5;
const DRAIN_MS = 2_000;

/** What others notice of one who does not read, and what the server does with it. */
export function runSlow(slow: Slow, pace: Pace): Promise<Outcome> {
  return withSides(slow.sides, async (sides) => {
    for (const side of sides) await side.seat({ ...slow.audience, rooms: side.spec.rooms.slice(0, 1) });
    const runs = await inTurn(sides, pace.quick ? 1 : pace.rounds, async (side, round) => {
      const run = await measure(side, slow, pace.quick ? 3 : SECONDS);
      pace.say(
        `round ${round + 1}, ${run.side}: p99 ${run.p99Before.toFixed(1)} ms, with one who sleeps ${run.p99.toFixed(1)} ms; ${run.growth.toFixed(1)} MiB more, ${run.cutOff ? 'cut off' : 'kept'}`,
      );
      return run;
    });
    const figures = figuresOf(slow.scenario, slow.sides, runs, [
      { metric: 'p99 of the others', unit: 'ms', take: (run) => run.p99 },
      { metric: 'p99 while it reads', unit: 'ms', take: (run) => run.p99Before },
      { metric: 'lost by the others', unit: 'messages', take: (run) => run.lost },
      { metric: "growth of the servers' memory", unit: 'MiB', take: (run) => run.growth },
      { metric: 'cut off', unit: '0 or 1', take: (run) => run.cutOff },
    ]);
    return withFailures({ name: slow.name, figures, remarks: [], runs }, sides);
  });
}

async function measure(side: Side, { rate, floodRate, floodBytes }: Slow, seconds: number): Promise<Run> {
  const room = side.spec.rooms[1] ?? '';
  const flood = (sleeping: boolean) => side.load.flood({ rate, seconds, drainMs: DRAIN_MS, sleeping, room, floodRate, floodBytes });
  const awake = await flood(false);
  const before = (await memoryNow(side.target)).resident;
  for (const { pid } of side.target.servers) resetPeak(pid);
  const meter = side.meter();
  const asleep = await flood(true);
  const used = meter.read();
  const peak = side.target.servers.reduce((sum, { pid }) => sum + peakOf(pid), 0);
  const growth = Math.max(0, peak - before) / 2 ** 20;
  return {
    side: side.spec.label,
    p99: asleep.p99,
    p99Before: awake.p99,
    lost: asleep.lost,
    growth,
    cutOff: asleep.cutOff ? 1 : 0,
    shares: used.shares,
  };
}
