import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { count, guests, list, metricsUrl, milliseconds, positive, secretOf, tokensOf } from './flags.ts';
import type { Tokens } from './orders.ts';
import { loadScenario, PRESETS, type Scenario, UsageError } from './scenario.ts';
import { apiOf, parseTarget, type Target } from './target.ts';

/** Limits that a run has to keep. */
export interface Thresholds {
  /** Milliseconds. */
  readonly p99?: number;
  readonly ackP99?: number;
  readonly connectP99?: number;
  /** Deliveries. */
  readonly lost?: number;
}

/** A load as the command line asks for it. */
export interface LoadOptions {
  readonly targets: readonly Target[];
  readonly scenario: Scenario;
  readonly scenarioName: string;
  /** Messages a second. */
  readonly rate: number;
  readonly tokens: Tokens;
  /** The address of the API, without `/api/v1`. */
  readonly api: string;
  readonly workers: number;
  readonly from: readonly string[];
  /** Addresses of admin ports: `/metrics` of each is read. */
  readonly metrics: readonly URL[];
  readonly thresholds: Thresholds;
  readonly findCapacity: boolean;
  /** How long each rate of a search is measured, seconds. */
  readonly stepSeconds: number;
  /** The folder of the reports. */
  readonly out: string;
  /** Where further machines come to, and how many. */
  readonly coordinate: { readonly host: string; readonly port: number; readonly machines: number } | undefined;
  readonly key: string | undefined;
}

/** A machine that helps another one. */
export interface HelperOptions {
  readonly host: string;
  readonly port: number;
  readonly workers: number;
  readonly key: string;
  readonly from: readonly string[];
}

/** What `npm run bench -- load` takes. */
export const USAGE = `usage: npm run bench -- load --target wss://chat.example.com [--target ...]
  --scenario NAME         ${Object.keys(PRESETS).join(', ')}, or a file that ends in .json (default: chat)
  --connections N, --ramp N (a second), --seconds N, --rate N (messages a second of all), --rooms N
  --tokens mint           signs tokens with JWT_SECRET (or JWT_SECRET_FILE) of the environment, JWT_ISSUER, JWT_AUDIENCE (default)
  --tokens FILE           one token a line, for one connection each
  --tokens guests         asks the API of the target for guests (open rooms need OPEN_ROOMS=on)
  --api URL               where the API is, if the target does not have it: customers and agents need it
  --workers N             processes (default: one less than processors, at least one)
  --from A,B              addresses of this machine to connect from, where its ports run out
  --metrics URL,URL       admin ports to read /metrics of: CPU, memory and Redis lag of the servers
  --p99 50ms --ack-p99 100ms --connect-p99 1s --lost 0     a run that breaks one ends with status 1
  --find-capacity         raises the rate until a threshold breaks, and settles at the highest that holds
  --step N                seconds for each rate of that search (default: 6)
  --coordinate HOST:PORT --machines N     waits for N further machines; BENCH_KEY is the shared key
  --join HOST:PORT        helps the machine that coordinates
  --out FOLDER            where load.json and load.html go (default: bench/results)`;

const HELP = 'npm run bench -- load --help lists all flags.';

/** What a search for the capacity has to keep if nothing else is said. */
const CAPACITY_DEFAULTS: Thresholds = { p99: 250, lost: 0 };

const FLAGS = {
  target: { type: 'string', multiple: true },
  scenario: { type: 'string', default: 'chat' },
  connections: { type: 'string' },
  ramp: { type: 'string' },
  seconds: { type: 'string' },
  rate: { type: 'string' },
  rooms: { type: 'string' },
  tokens: { type: 'string', default: 'mint' },
  api: { type: 'string' },
  workers: { type: 'string' },
  from: { type: 'string' },
  metrics: { type: 'string' },
  p99: { type: 'string' },
  'ack-p99': { type: 'string' },
  'connect-p99': { type: 'string' },
  lost: { type: 'string' },
  'find-capacity': { type: 'boolean', default: false },
  step: { type: 'string', default: '6' },
  coordinate: { type: 'string' },
  machines: { type: 'string', default: '1' },
  join: { type: 'string' },
  out: { type: 'string', default: new URL('../results', import.meta.url).pathname },
} as const;

/**
 * Reads the command line. Secrets come from the environment or a file alone: other users of a
 * machine see a command line.
 * @throws UsageError
 */
export async function readOptions(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<LoadOptions | HelperOptions> {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(argv);
  } catch (error) {
    // The first line says what; the rest is about a program's own flags that look alike.
    throw new UsageError(`${(error instanceof Error ? error.message : String(error)).split('\n')[0]?.replace(/\.$/, '')}. ${HELP}`);
  }
  const workers = values.workers === undefined ? Math.max(1, availableParallelism() - 1) : count('--workers', values.workers);
  const from = list(values.from);
  const key = secretOf(env, 'BENCH_KEY');
  if ((values.coordinate ?? values.join) !== undefined && (key?.length ?? 0) < 16)
    throw new UsageError(
      'Machines that work together share a key: set BENCH_KEY (or BENCH_KEY_FILE) to 16 characters or more, the same on each.',
    );
  if (values.join !== undefined) return { ...hostAndPort('--join', values.join), workers, key: key ?? '', from };
  if (values.target === undefined) throw new UsageError(`--target says which hub is loaded: --target wss://chat.example.com. ${HELP}`);
  const targets = values.target.map(parseTarget);
  const scenario = changed(loadScenario(values.scenario), values);
  const own = rateOf(scenario);
  const rate = values.rate === undefined ? own : positive('--rate', values.rate);
  if ((scenario.people.customer !== undefined || scenario.people.agent !== undefined) && values.tokens !== 'mint')
    throw new UsageError('Customers and agents have tokens of their kinds: they need --tokens mint.');
  if (values['find-capacity'] && own === 0)
    throw new UsageError(`--find-capacity raises the rate of messages, and nobody writes in "${values.scenario}": take another scenario.`);
  const asked = {
    ...(values.p99 !== undefined && { p99: milliseconds('--p99', values.p99) }),
    ...(values['ack-p99'] !== undefined && { ackP99: milliseconds('--ack-p99', values['ack-p99']) }),
    ...(values['connect-p99'] !== undefined && { connectP99: milliseconds('--connect-p99', values['connect-p99']) }),
    ...(values.lost !== undefined && { lost: count('--lost', values.lost, 0) }),
  };
  const [first] = targets;
  if (first === undefined) throw new UsageError(HELP);
  return {
    targets,
    scenario,
    scenarioName: values.scenario,
    rate,
    tokens: await tokensOf(values.tokens, scenario.connections, env, (wanted) => guests(apiOf(first), wanted)),
    api: (values.api ?? apiOf(first)).replace(/\/$/, ''),
    workers,
    from,
    metrics: list(values.metrics).map((text) => metricsUrl(text)),
    thresholds: values['find-capacity'] ? { ...CAPACITY_DEFAULTS, ...asked } : asked,
    findCapacity: values['find-capacity'],
    stepSeconds: positive('--step', values.step),
    out: values.out,
    coordinate:
      values.coordinate === undefined
        ? undefined
        : { ...hostAndPort('--coordinate', values.coordinate), machines: count('--machines', values.machines) },
    key,
  };
}

function parse(argv: readonly string[]) {
  return parseArgs({ args: [...argv], options: FLAGS, strict: true, allowPositionals: false }).values;
}

/** Messages a second of all who write, at their own pace. */
function rateOf({ people, connections }: Scenario): number {
  const total = Object.values(people).reduce((sum, { share }) => sum + share, 0);
  const of = (who: { readonly share: number; readonly everySeconds: number } | undefined): number =>
    who === undefined ? 0 : Math.round((who.share / total) * connections) / who.everySeconds;
  return of(people.chat) + of(people.customer);
}

function changed(scenario: Scenario, values: ReturnType<typeof parse>): Scenario {
  return {
    ...scenario,
    ...(values.connections !== undefined && { connections: count('--connections', values.connections) }),
    ...(values.ramp !== undefined && { rampPerSecond: positive('--ramp', values.ramp) }),
    ...(values.seconds !== undefined && { seconds: positive('--seconds', values.seconds) }),
    ...(values.rooms !== undefined && { rooms: { ...scenario.rooms, count: count('--rooms', values.rooms) } }),
  };
}

function hostAndPort(flag: string, text: string): { readonly host: string; readonly port: number } {
  const at = text.lastIndexOf(':');
  const port = Number(text.slice(at + 1));
  if (at < 1 || !Number.isInteger(port) || port < 1 || port > 65_535) throw new UsageError(`${flag} takes HOST:PORT, and not "${text}".`);
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port };
}
