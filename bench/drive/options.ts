import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import type { Tokens } from './orders.ts';
import { loadScenario, PRESETS, type Scenario, UsageError } from './scenario.ts';
import { parseTarget, type Target } from './target.ts';

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
  const chatters = writersOf(scenario);
  const rate = values.rate === undefined ? chatters / (scenario.people.chat?.everySeconds ?? 1) : positive('--rate', values.rate);
  if (values['find-capacity'] && chatters === 0)
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
    tokens: await tokensOf(values.tokens, first, scenario.connections, env),
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

/** The number of those who write: as many as `seatingOf` makes, give or take one. */
function writersOf({ people, connections }: Scenario): number {
  const total = Object.values(people).reduce((sum, { share }) => sum + share, 0);
  return Math.round(((people.chat?.share ?? 0) / total) * connections);
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

async function tokensOf(
  how: string,
  target: Target,
  connections: number,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Tokens> {
  if (how === 'mint') {
    // With several, the hub takes each: the first one signs.
    const secret = secretOf(env, 'JWT_SECRET')?.split(',')[0]?.trim();
    if (secret === undefined || secret === '')
      throw new UsageError(
        '--tokens mint signs with the secret of the hub: set JWT_SECRET or JWT_SECRET_FILE. Or give tokens by --tokens FILE.',
      );
    return { kind: 'mint', secret, issuer: env['JWT_ISSUER'], audience: env['JWT_AUDIENCE'] };
  }
  if (how === 'guests') return { kind: 'list', tokens: await guests(target, connections) };
  let text: string;
  try {
    text = readFileSync(how, 'utf8');
  } catch {
    throw new UsageError(`--tokens is mint, guests, or a file with a token a line; "${how}" cannot be read.`);
  }
  const tokens = text.split('\n').map((line) => line.trim());
  const given = tokens.filter((token) => token !== '');
  if (given.length < connections)
    throw new UsageError(`${how} has ${given.length} tokens, and there are ${connections} connections: each has its own.`);
  return { kind: 'list', tokens: given };
}

async function guests(target: Target, connections: number): Promise<string[]> {
  const url = `${target.secure ? 'https' : 'http'}://${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}${target.base}/api/v1/guests`;
  const tokens: string[] = [];
  while (tokens.length < connections) {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: `Guest ${tokens.length}` }),
    }).catch((error: unknown) => {
      throw new UsageError(`${url} does not answer: ${String(error instanceof Error ? (error.cause ?? error) : error)}`);
    });
    const body = (await response.json().catch(() => ({}))) as { token?: string; code?: string; message?: string };
    if (!response.ok || body.token === undefined)
      throw new UsageError(
        `The API gave ${tokens.length} guests of ${connections}, then ${response.status} ${body.code ?? ''}. Take --tokens mint, or fewer --connections.`,
      );
    tokens.push(body.token);
  }
  return tokens;
}

function secretOf(env: Readonly<Record<string, string | undefined>>, name: string): string | undefined {
  const file = env[`${name}_FILE`];
  if (file === undefined) return env[name];
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    throw new UsageError(`${name}_FILE names ${file}, which cannot be read.`);
  }
}

function list(text: string | undefined): string[] {
  return (text ?? '').split(',').filter((entry) => entry !== '');
}

function count(flag: string, text: string, least = 1): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new UsageError(`${flag} takes a whole number from ${least} on, and not "${text}".`);
  return value;
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Number.MAX_SAFE_INTEGER)) throw new UsageError(`${flag} takes a number above 0, and not "${text}".`);
  return value;
}

function milliseconds(flag: string, text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text) ?? [];
  if (digits === undefined) throw new UsageError(`${flag} takes a time as 50ms or 1.5s, and not "${text}".`);
  return Number(digits) * (unit === 's' ? 1000 : 1);
}

function hostAndPort(flag: string, text: string): { readonly host: string; readonly port: number } {
  const at = text.lastIndexOf(':');
  const port = Number(text.slice(at + 1));
  if (at < 1 || !Number.isInteger(port) || port < 1 || port > 65_535) throw new UsageError(`${flag} takes HOST:PORT, and not "${text}".`);
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port };
}

function metricsUrl(text: string): URL {
  let url: URL;
  try {
    url = new URL(text.includes('://') ? text : `http://${text}`);
  } catch {
    throw new UsageError(`--metrics takes addresses of admin ports, as http://10.0.0.5:9090, and not "${text}".`);
  }
  if (url.pathname === '/') url.pathname = '/metrics';
  return url;
}
