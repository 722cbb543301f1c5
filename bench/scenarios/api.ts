import type { Requested, RequestKind } from '#bench/load/plan.ts';
import { signToken } from '#bench/load/token.ts';
import { SERVICE_KEY } from '#bench/measure/target.ts';
import { ACCOUNTS, fillDatabase, knowCodes } from './accounts.ts';
import { compared, type Figure, type Outcome, type Pace } from './outcome.ts';
import { rotated, type Side, type SideSpec, withSides } from './side.ts';

interface Run extends Requested {
  readonly side: string;
  readonly kind: RequestKind;
  /** Requests answered a second. */
  readonly rate: number;
  /** Of the server, microseconds. */
  readonly cpuPerRequest: number;
}

const BASE: SideSpec = { label: 'bare Fastify', kind: 'bare-api', rooms: [] };
const OURS: SideSpec = { label: 'API', kind: 'parley-api', rooms: [] };
const CONNECTIONS = 16;

/**
 * Requests of each kind in one window, in the order in which they are sent: a code is asked for
 * before it is verified.
 */
const WINDOWS: readonly { readonly kind: RequestKind; readonly about: string; readonly amount: number }[] = [
  { kind: 'code', about: 'login: ask for a code', amount: 2_000 },
  { kind: 'verify', about: 'login: verify it', amount: 2_000 },
  { kind: 'history', about: `a page of history`, amount: 3_000 },
  { kind: 'push', about: 'a push', amount: 6_000 },
];

/**
 * Requests a second, their times and the server's CPU, beside a bare server with the same
 * statements.
 */
export function runApi(name: string, pace: Pace): Promise<Outcome> {
  return withSides([BASE, OURS], async (sides) => {
    for (const side of sides) await fillDatabase(side.database);
    pace.say(`${ACCOUNTS} accounts each are there`);
    // One unmeasured run for V8's compilers.
    for (const side of sides) await measure(side, -1, pace);
    const rounds: Run[][] = [];
    for (let round = 0; round < (pace.quick ? 1 : pace.rounds); round++) {
      const runs: Run[] = [];
      for (const side of rotated(sides, round)) {
        for (const run of await measure(side, round, pace)) {
          runs.push(run);
          pace.say(
            `round ${round + 1}, ${run.side}, ${run.kind}: ${run.rate.toFixed(0)}/s, p50 ${run.p50.toFixed(1)} ms, p99 ${run.p99.toFixed(1)} ms`,
          );
        }
      }
      rounds.push(runs);
    }
    return outcome(name, rounds.flat());
  });
}

async function measure(side: Side, round: number, pace: Pace): Promise<Run[]> {
  const { target, load, spec } = side;
  const secret = target.secret ?? '';
  const runs: Run[] = [];
  for (const { kind, amount: full } of WINDOWS) {
    const amount = pace.quick ? full / 2 : full;
    // Every round has accounts of its own. After fifty rounds the first ones are used again.
    const first = ((round + 1) * full) % ACCOUNTS;
    if (kind === 'verify') await knowCodes(side.database, secret, first, amount);
    const bearer = kind === 'push' ? SERVICE_KEY : signToken(secret, 'reader', Date.now());
    const meter = side.meter();
    const got = await load.request({ kind, port: target.ports[0] ?? 0, amount, connections: CONNECTIONS, first, bearer });
    const cpu = meter.read().serverMicros;
    runs.push({ ...got, side: spec.label, kind, rate: got.answered / got.seconds, cpuPerRequest: cpu / Math.max(1, got.answered) });
  }
  return runs;
}

function outcome(name: string, runs: readonly Run[]): Outcome {
  const figures: Figure[] = [];
  const remarks: string[] = [];
  for (const { kind, about } of WINDOWS) {
    const of = (side: SideSpec, take: (run: Run) => number) => runs.filter((run) => run.kind === kind && run.side === side.label).map(take);
    const figure = (metric: string, unit: string, take: (run: Run) => number) =>
      figures.push(compared({ scenario: about, side: OURS.label, metric, unit, goal: { kind: 'none' } }, of(OURS, take), of(BASE, take)));
    figure('requests', '/s', (run) => run.rate);
    figure('p50', 'ms', (run) => run.p50);
    figure('p99', 'ms', (run) => run.p99);
    figure('CPU a request', 'us', (run) => run.cpuPerRequest);
    for (const side of [BASE, OURS]) {
      const failed = of(side, (run) => run.failed).reduce((sum, count) => sum + count, 0);
      if (failed > 0) remarks.push(`${side.label}, ${about}: ${failed} requests failed`);
    }
  }
  return { name, figures, remarks, runs };
}
