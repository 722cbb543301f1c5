/** `npm run bench -- load`: see `options.ts`, or `--help`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { signToken } from '#bench/load/token.ts';
import { drive, type Outcome } from './drive.ts';
import { Fleet } from './fleet.ts';
import { LocalWorker, type WorkerLink } from './links.ts';
import { help, waitForMachines } from './machines.ts';
import { type LoadOptions, readOptions, USAGE } from './options.ts';
import { checkOpenFiles, checkTarget } from './preflight.ts';
import { Recorder } from './recorder.ts';
import { cpuSentence, htmlReport, jsonReport } from './report.ts';
import type { Merged, TimeName } from './samples.ts';
import { UsageError } from './scenario.ts';
import { Screen } from './screen.ts';
import { errorsOf } from './verdict.ts';

/** The exit code of a wrong command line or a target that cannot be loaded (sysexits.h). */
const USAGE_CODE = 64;

/** Runs the command. Returns its exit code: 0, 1 if a threshold broke, 64 if it could not run. */
export async function runLoad(argv: readonly string[]): Promise<number> {
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  if (argv.includes('--help')) {
    say(USAGE);
    return 0;
  }
  try {
    const options = await readOptions(argv, process.env);
    if ('targets' in options) return await load(options, say);
    await help(options, say);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`parley bench: ${error.message}\n`);
    return USAGE_CODE;
  }
}

async function load(options: LoadOptions, say: (text: string) => void): Promise<number> {
  const { scenario, targets, tokens, api, workers, from, coordinate } = options;
  const run = Date.now().toString(36);
  checkOpenFiles(scenario.connections / ((coordinate?.machines ?? 0) + 1), workers);
  const token =
    tokens.kind === 'list'
      ? (tokens.tokens[0] ?? '')
      : signToken(tokens.secret, `bench-${run}`, Date.now(), {
          ...(tokens.issuer && { iss: tokens.issuer }),
          ...(tokens.audience && { aud: tokens.audience }),
        });
  for (const target of targets) await checkTarget(target, token, from[0]);
  const links: WorkerLink[] = Array.from({ length: workers }, (_, index) => new LocalWorker(`worker ${index + 1}`));
  let close: () => void = () => undefined;
  if (coordinate !== undefined) {
    say(
      `Waiting for ${coordinate.machines} machines at ${coordinate.host}:${coordinate.port}: run there npm run bench -- load --join HOST:${coordinate.port}, with the same BENCH_KEY.`,
    );
    const others = await waitForMachines(coordinate, options.key ?? '', (come) => say(`${come} of ${coordinate.machines} machines came.`));
    links.push(...others.links);
    close = () => others.server.close();
  }
  const fleet = new Fleet(links);
  const screen = new Screen(process.stdout);
  const startedAt = new Date();
  fleet.prepare({ scenario, targets, tokens, api, run, from });
  const recorder = new Recorder(fleet, options.metrics, (moment, total) => screen.moment(moment, total));
  try {
    const outcome = await drive(options, fleet, recorder, screen);
    const report = jsonReport(options, outcome, startedAt);
    mkdirSync(options.out, { recursive: true });
    writeFileSync(join(options.out, 'load.json'), `${JSON.stringify(report, null, 1)}\n`);
    writeFileSync(join(options.out, 'load.html'), htmlReport(report, outcome));
    summarize(options, outcome, (text) => screen.line(text));
    return outcome.breaches.length === 0 ? 0 : 1;
  } finally {
    await recorder.end();
    await fleet.end();
    close();
  }
}

function summarize(
  { out, thresholds, findCapacity }: LoadOptions,
  { recorder, run, ledger, breaches, rate, busiest, cpu }: Outcome,
  say: (text: string) => void,
): void {
  const { total } = recorder;
  const ms = (of: Merged, name: TimeName): string => {
    const [p50, p99, p999] = [50, 99, 99.9].map((percent) => `${of.percentile(name, percent).toFixed(1)} ms`);
    return of.times[name].totalCount === 0 ? 'none' : `p50 ${p50}, p99 ${p99}, p99.9 ${p999}`;
  };
  const { counts } = total;
  say('');
  if (findCapacity) say(`Capacity    ${rate.toFixed(0)} messages a second`);
  say(`Connects    ${counts.connected}: ${ms(total, 'connect')}`);
  say(`Acks        ${run.counts.acked} of ${run.counts.sent}: ${ms(run, 'ack')}`);
  say(`Deliveries  ${run.counts.delivered}: ${ms(run, 'delivery')}`);
  if (total.times.recovery.totalCount > 0)
    say(`Recoveries  ${total.times.recovery.totalCount}: ${ms(total, 'recovery')}; ${counts.recovered} messages`);
  say(
    `Ledger      ${ledger.receivers} receivers expected ${ledger.expected}, got ${ledger.delivered}: ${ledger.lost} lost, ${ledger.duplicated} duplicated, ${ledger.reordered} out of order`,
  );
  const errors = ['connect', 'closed', 'message', 'frame', 'worker']
    .map((kind) => [kind, errorsOf(total, kind)] as const)
    .filter(([, text]) => text !== '');
  say(`Errors      ${errors.length === 0 ? 'none' : errors.map(([kind, text]) => `${kind}: ${text}`).join('; ')}`);
  say(`CPU         ${cpuSentence(cpu)}`);
  say(busiest);
  for (const breach of breaches) say(`BROKEN      ${breach}`);
  if (breaches.length === 0 && Object.keys(thresholds).length > 0) say('Every threshold holds.');
  say(`The report is ${join(out, 'load.html')}`);
}
