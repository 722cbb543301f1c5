import { randomBytes } from 'node:crypto';
import type { Seating, Written } from '#bench/load/plan.ts';
import { hasPgbench, PGBENCH_MISSING, runPgbench } from '#bench/measure/pgbench.ts';
import { makeDatabase } from '#bench/measure/postgres-process.ts';
import { spread } from '#bench/measure/stats.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { compared, type Figure, figuresOf, type Outcome, type Pace, type SideRun } from './outcome.ts';
import { rotated, type Side, type SideSpec, withSides } from './side.ts';

interface Run extends SideRun {
  /** Messages stored a second, at the best. */
  readonly rate: number;
  /** Figures of gateways, by the messages under way. None for pgbench. */
  readonly levels: readonly Level[];
  /** At half of `rate`, evenly spaced. Only gateways that store in groups. */
  readonly half?: Written;
}

interface Level extends Written {
  readonly underWay: number;
  /** Messages stored a second. */
  readonly rate: number;
  /** Share of a core that the gateways used. */
  readonly busy: number;
}

/** A system that stores messages, measured once a round. */
interface Contender {
  readonly label: string;
  readonly measure: (quick: boolean) => Promise<Run>;
}

/** The side of `runStoreBeside` that others are compared with. */
export const STORE_BASELINE = 'pgbench, 200 rows a commit';

const SINGLE: SideSpec = { label: 'one insert a message', kind: 'one-insert', rooms: [] };
const GROUPS: SideSpec = { label: 'two gateways', kind: 'parley-redis', rooms: [] };
const GOAL = 10;
/** Of pgbench with 200 rows a commit. */
const SHARE_GOAL = 0.25;
/** Milliseconds, at half of the rate. */
const HALF_P99_GOAL = 60;
const ROOMS = 100;
const MEMBERS = 2;
/**
 * Messages under way: four writers at the same moment, one for each writer, five for each writer.
 */
const CALM = 4;
const BUSY = 200;
const FULL = 1_000;
/**
 * For one insert a message, more under way means longer waits and no more stored messages. Gateways
 * refuse further ones while acks take over 100 ms.
 */
const LEVELS = new Map([
  [SINGLE, [CALM, BUSY]],
  [GROUPS, [CALM, BUSY, FULL]],
]);

/**
 * The limits: PostgreSQL alone. As many connections as the two gateways have: twenty in all, or two
 * groups each.
 */
const LIMITS = [
  { label: 'pgbench, one row a commit', rows: 1, clients: 20 },
  { label: STORE_BASELINE, rows: 200, clients: 4 },
] as const;

/** Messages stored a second through two gateways, and how long their acks take. */
export async function runStore(name: string, pace: Pace): Promise<Outcome> {
  return outcome(name, await measureAll(pace));
}

/** The same, with PostgreSQL alone as the baseline. @throws Error if pgbench is not installed. */
export async function runStoreBeside(name: string, scenario: string, pace: Pace): Promise<Outcome> {
  if (!hasPgbench()) throw new Error(PGBENCH_MISSING);
  const runs = await measureAll(pace);
  const ack = (take: (level: Level) => number) => (run: Run) => {
    const level = run.levels.find(({ underWay }) => underWay === BUSY);
    return level === undefined ? Number.NaN : take(level);
  };
  const sides = [STORE_BASELINE, ...LIMITS.map(({ label }) => label), SINGLE.label, GROUPS.label];
  const figures = figuresOf(
    scenario,
    [...new Set(sides)].map((label) => ({ label })),
    runs,
    [
      { metric: 'stored', unit: 'messages/s', take: (run) => run.rate },
      { metric: 'ack p50 with 200 under way', unit: 'ms', take: ack((level) => level.p50) },
      { metric: 'ack p99 with 200 under way', unit: 'ms', take: ack((level) => level.p99) },
      { metric: 'not stored', unit: 'messages', take: (run) => run.levels.reduce((sum, { failed }) => sum + failed, 0) },
    ],
  );
  return {
    name,
    figures,
    remarks: [SINGLE, GROUPS].flatMap((side) =>
      remarks(
        side,
        runs.filter((run) => run.side === side.label),
      ),
    ),
    runs,
  };
}

function measureAll(pace: Pace): Promise<Run[]> {
  return withSides([SINGLE, GROUPS], async (sides) => {
    for (const side of sides) await side.load.seat(await makeRooms(side));
    const contenders: Contender[] = sides.map((side) => ({ label: side.spec.label, measure: (quick) => measure(side, quick) }));
    if (hasPgbench()) contenders.push(...(await limits()));
    else pace.say(PGBENCH_MISSING);
    // One unmeasured run for V8's compilers.
    for (const { measure } of contenders) await measure(true);
    const runs: Run[] = [];
    for (let round = 0; round < (pace.quick ? 1 : pace.rounds); round++) {
      for (const contender of rotated(contenders, round)) {
        const run = await contender.measure(pace.quick);
        pace.say(`round ${round + 1}, ${run.side}: ${run.rate.toFixed(0)} stored/s`);
        runs.push(run);
      }
    }
    return runs;
  });
}

/** Groups that keep history, two members each, one on each gateway. */
export async function makeRooms({ target, database }: Side): Promise<Seating> {
  const store = await openStore({ url: database.url });
  const rooms = Array.from({ length: ROOMS }, (_, r) => ({
    room: `group:${randomBytes(16).toString('base64url')}`,
    users: Array.from({ length: MEMBERS }, (_, m) => `w${r}-${m}`),
  }));
  for (const { room, users } of rooms) {
    const members = users.map((id) => ({ id, name: id }));
    const group = { room, kind: 'group', title: '', owner: '', keepHistory: true, createdAt: Date.now(), expiresAt: undefined } as const;
    await store.rooms.create(group, members);
  }
  await store.close();
  return { ports: target.ports, secret: target.secret ?? '', rooms };
}

async function measure(side: Side, quick: boolean): Promise<Run> {
  const levels: Level[] = [];
  for (const underWay of LEVELS.get(side.spec) ?? []) {
    const meter = side.meter();
    const written = await side.load.write({ inFlight: underWay, warmSeconds: 1, seconds: quick ? 2 : 4 });
    const used = meter.read();
    const busy = used.serverMicros / 1e6 / used.seconds;
    levels.push({ ...written, underWay, rate: written.acked / written.seconds, busy });
  }
  const rate = levels.at(-1)?.rate ?? 0;
  if (side.spec !== GROUPS) return { side: side.spec.label, rate, levels };
  const half = await side.load.write({ inFlight: 0, rate: rate / 2, warmSeconds: 1, seconds: quick ? 2 : 4 });
  return { side: side.spec.label, rate, levels, half };
}

async function limits(): Promise<Contender[]> {
  const { url } = await makeDatabase();
  return LIMITS.map(({ label, rows, clients }) => ({
    label,
    measure: async (quick) => ({ side: label, rate: await runPgbench({ url, rows, clients, seconds: quick ? 2 : 4 }), levels: [] }),
  }));
}

function outcome(name: string, runs: readonly Run[]): Outcome {
  const of = (label: string) => runs.filter((run) => run.side === label);
  const rates = (label: string) => of(label).map((run) => run.rate);
  const stored = (side: string, baseline: string, goal: Figure['goal']): Figure =>
    compared({ scenario: `beside ${baseline}`, side, metric: 'stored', unit: 'messages/s', goal }, rates(side), rates(baseline));
  const figures = [stored(GROUPS.label, SINGLE.label, { kind: 'at-least', value: GOAL, of: 'ratio' })];
  for (const underWay of [BUSY, CALM]) {
    const levels = (label: string) => of(label).flatMap((run) => run.levels.filter((level) => level.underWay === underWay));
    const figure = (metric: string, unit: string, take: (level: Level) => number) => {
      const about = {
        scenario: `beside ${SINGLE.label}, ${underWay} under way`,
        side: GROUPS.label,
        metric,
        unit,
        goal: { kind: 'none' },
      } as const;
      figures.push(compared(about, levels(GROUPS.label).map(take), levels(SINGLE.label).map(take)));
    };
    figure('stored', 'messages/s', (level) => level.rate);
    figure('ack p50', 'ms', (level) => level.p50);
    figure('ack p99', 'ms', (level) => level.p99);
  }
  const half = of(GROUPS.label).flatMap((run) => (run.half === undefined ? [] : [run.half.p99]));
  const calm = of(SINGLE.label).flatMap((run) => run.levels.filter(({ underWay }) => underWay === CALM).map(({ p99 }) => p99));
  figures.push(
    compared(
      {
        scenario: `at half of the highest rate, beside ${SINGLE.label} with ${CALM} under way`,
        side: GROUPS.label,
        metric: 'ack p99',
        unit: 'ms',
        goal: { kind: 'at-most', value: HALF_P99_GOAL, of: 'ours' },
      },
      half,
      calm,
    ),
  );
  for (const { label, rows } of LIMITS) {
    if (of(label).length === 0) continue;
    const goal: Figure['goal'] = rows === 1 ? { kind: 'none' } : { kind: 'at-least', value: SHARE_GOAL, of: 'ratio' };
    figures.push(stored(GROUPS.label, label, goal), stored(SINGLE.label, label, { kind: 'none' }));
  }
  return { name, figures, remarks: [SINGLE, GROUPS].flatMap((side) => remarks(side, of(side.label))), runs };
}

function remarks(side: SideSpec, runs: readonly Run[]): string[] {
  const told = (LEVELS.get(side) ?? []).map((underWay) => {
    const levels = runs.flatMap((run) => run.levels.filter((level) => level.underWay === underWay));
    const median = (take: (level: Level) => number) => spread(levels.map(take)).median;
    const acks = `ack p50 ${median((level) => level.p50).toFixed(1)} ms, p99 ${median((level) => level.p99).toFixed(1)} ms`;
    const shares = `the gateways took ${percent(median((level) => level.busy))}, the load ${percent(median((level) => level.cpuMicros / level.seconds / 1e6))} of a core`;
    return `${side.label}, ${underWay} under way: ${median((level) => level.rate).toFixed(0)} stored/s, ${acks}; ${shares}`;
  });
  const levels = runs.flatMap((run) => run.levels);
  const failed = levels.reduce((sum, level) => sum + level.failed, 0);
  const first = levels.find((level) => level.failed > 0);
  return first === undefined ? told : [...told, `${side.label}: ${failed} messages were not stored, the first: ${first.error}`];
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
