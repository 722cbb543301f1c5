import { setTimeout as delay } from 'node:timers/promises';
import type { Fleet } from './fleet.ts';
import type { LoadOptions } from './options.ts';
import type { Settled } from './orders.ts';
import type { Recorder } from './recorder.ts';
import type { Merged } from './samples.ts';
import { UsageError } from './scenario.ts';
import { type Breach, breachesOf, errorsOf, stepBreaches } from './verdict.ts';

/** What a load found. */
export interface Outcome {
  readonly recorder: Recorder;
  /** What is measured: all of it, or the stretch at the rate that was found. */
  readonly run: Merged;
  readonly ledger: Settled;
  readonly breaches: readonly Breach[];
  /** Messages a second that were asked for, at the end. */
  readonly rate: number;
  /** The steps of a search for the capacity. */
  readonly steps: readonly Step[];
  /** Seconds since the start at which the talk began and ended. */
  readonly talk: readonly [from: number, to: number];
  /** Which process had least to spare, as a sentence. */
  readonly busiest: string;
  readonly cpu: CpuEach;
}

/** CPU for each delivery of the talk that is measured, microseconds; NaN without a delivery. */
export interface CpuEach {
  readonly load: number;
  /** Undefined without `--metrics`. */
  readonly servers: number | undefined;
}

/** A rate that was tried. */
export interface Step {
  readonly rate: number;
  readonly breaches: readonly Breach[];
}

/** Shows a person where the load is. */
export interface Progress {
  phase(name: string, seconds: number): void;
  line(text: string): void;
}

/** How long connects may take beyond the ramp, seconds. */
const CONNECT_GRACE = 60;
/** Refusals that do not end by waiting. */
const FINAL = ['FORBIDDEN', 'TOKEN_EXPIRED', 'MISSING_TOKEN', 'BANNED', 'INVALID_REQUEST'];
const FINAL_MAX = 20;
/** The part of a step that goes before what is measured. */
const WARM = 1 / 3;
const STEP_FACTOR = 1.5;
/** The search ends where the step that broke is within this of the one that held. */
const STEP_PRECISION = 0.08;
const STEPS_MAX = 40;
/** A load worker this busy no longer tells what the hub can do. */
const WORKER_BUSY = 0.85;

/**
 * Runs a load on a fleet: connects everybody, lets them talk, waits until nothing is under way, and
 * compares what was published with what everybody got.
 * @throws UsageError if the hub refuses for good
 */
export async function drive(options: LoadOptions, fleet: Fleet, recorder: Recorder, progress: Progress): Promise<Outcome> {
  const { scenario } = options;
  const ramp = scenario.connections / scenario.rampPerSecond;
  progress.phase('connecting', ramp);
  await Promise.race([fleet.connect(), refusedForGood(options, recorder), fleet.failed]);
  let from = recorder.at;
  await recorder.step();
  let { rate } = options;
  let steps: readonly Step[] = [];
  if (options.findCapacity) {
    const found = await findCapacity(options, fleet, recorder, progress);
    [rate, steps] = [found.rate, found.steps];
    progress.phase(`settled at ${rate.toFixed(0)} messages a second`, scenario.seconds);
    await fleet.talk(Math.max(rate, 1));
    await Promise.race([delay(options.stepSeconds * WARM * 1000), fleet.failed]);
    await recorder.step();
    from = recorder.at;
  } else {
    progress.phase('talking', scenario.seconds);
    await fleet.talk(rate);
  }
  const before = await used(recorder);
  await Promise.race([delay(scenario.seconds * 1000), fleet.failed]);
  const step = await recorder.step();
  const run = options.findCapacity ? step : recorder.total;
  const to = recorder.at;
  const cpu = eachOf(before, await used(recorder));
  const busiest = busiestOf(fleet, recorder, from);
  progress.phase('waiting for the last answers', 15);
  await fleet.hush();
  await recorder.end();
  const ledger = await fleet.settle();
  return { recorder, run, ledger, breaches: breachesOf(run, ledger, options.thresholds), rate, steps, talk: [from, to], busiest, cpu };
}

interface UsedSoFar {
  readonly deliveries: number;
  readonly loadSeconds: number;
  readonly serverSeconds: number | undefined;
}

async function used(recorder: Recorder): Promise<UsedSoFar> {
  const serverSeconds = await recorder.servers.cpuSeconds();
  await recorder.report();
  return { deliveries: recorder.total.counts.delivered, loadSeconds: recorder.total.cpuSeconds, serverSeconds };
}

function eachOf(before: UsedSoFar, after: UsedSoFar): CpuEach {
  const deliveries = after.deliveries - before.deliveries;
  const servers =
    before.serverSeconds === undefined || after.serverSeconds === undefined
      ? undefined
      : ((after.serverSeconds - before.serverSeconds) / deliveries) * 1e6;
  return { load: ((after.loadSeconds - before.loadSeconds) / deliveries) * 1e6, servers };
}

/** Rejects if connects fail in a way that no waiting mends. */
async function refusedForGood({ scenario, targets }: LoadOptions, recorder: Recorder): Promise<never> {
  const deadline = recorder.at + scenario.connections / scenario.rampPerSecond + CONNECT_GRACE;
  for (;;) {
    await delay(500);
    const { errors, counts } = recorder.total;
    for (const code of FINAL)
      if ((errors[`connect ${code}`] ?? 0) > FINAL_MAX + counts.connected)
        throw new UsageError(
          code === 'FORBIDDEN'
            ? 'The hub lets these users into no room of the load (FORBIDDEN): tokens that are not minted here need OPEN_ROOMS=on, or a claim "rooms": ["bench-*", "live:bench-*"].'
            : `${targets.map(({ name }) => name).join(', ')} refuses the connections of the load (${code}).`,
        );
    if (recorder.at > deadline)
      throw new UsageError(
        `Only ${counts.connected} of ${scenario.connections} connections came in within ${Math.round(recorder.at)} s (${errorsOf(recorder.total, 'connect') || 'no errors'}). Take a slower --ramp.`,
      );
  }
}

/** Raises the rate until a step breaks, then halves the gap. */
async function findCapacity(
  { rate: start, thresholds, stepSeconds }: LoadOptions,
  fleet: Fleet,
  recorder: Recorder,
  progress: Progress,
): Promise<{ readonly rate: number; readonly steps: readonly Step[] }> {
  const steps: Step[] = [];
  const holds = async (rate: number): Promise<boolean> => {
    progress.phase(`trying ${rate.toFixed(0)} messages a second`, stepSeconds * (1 + WARM));
    await fleet.talk(rate);
    await Promise.race([delay(stepSeconds * WARM * 1000), fleet.failed]);
    await recorder.step();
    await Promise.race([delay(stepSeconds * 1000), fleet.failed]);
    const breaches = stepBreaches(await recorder.step(), rate, thresholds);
    steps.push({ rate, breaches });
    progress.line(`${rate.toFixed(0)} messages a second ${breaches.length === 0 ? 'hold' : `do not hold: ${breaches.join('; ')}`}`);
    if (breaches.length > 0) await rest(fleet, recorder, start);
    return breaches.length === 0;
  };
  let [good, bad] = [0, start];
  while (steps.length < STEPS_MAX && (await holds(bad))) {
    good = bad;
    bad *= STEP_FACTOR;
  }
  while (steps.length < STEPS_MAX && good > 0 && bad - good > good * STEP_PRECISION) {
    const middle = (good + bad) / 2;
    if (await holds(middle)) good = middle;
    else bad = middle;
  }
  if (good === 0)
    throw new UsageError(
      `The first rate, ${start.toFixed(0)} messages a second, does not hold already: give a lower --rate to begin with.`,
    );
  return { rate: good, steps };
}

/** After a step that broke: until what it left is gone. */
async function rest(fleet: Fleet, recorder: Recorder, rate: number): Promise<void> {
  await fleet.talk(rate / 10);
  for (let seconds = 0; seconds < 30; seconds += 1) {
    await Promise.race([delay(1000), fleet.failed]);
    const { waiting } = await recorder.step();
    if (waiting <= rate / 10) return;
  }
}

function busiestOf(fleet: Fleet, recorder: Recorder, since: number): string {
  const percent = (share: number): string => `${(share * 100).toFixed(0)} % of a processor`;
  const worker = fleet.busiest();
  const server = recorder.servers.busiest(since);
  if (worker.share > WORKER_BUSY)
    return `The load itself was saturated (${worker.name}: ${percent(worker.share)}): take more --workers or machines, or the figures are those of the load.`;
  if (server.name === '')
    return `No --metrics were given: of the servers nothing is known. The busiest worker of the load took ${percent(worker.share)}.`;
  return `The busiest server was ${server.name} with ${percent(server.share)}; the busiest worker of the load took ${percent(worker.share)}.`;
}
