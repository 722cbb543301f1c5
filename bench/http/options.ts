import { parseArgs } from 'node:util';
import { count, guests, list, metricsUrl, milliseconds, positive, secretOf, tokensOf } from '#bench/drive/flags.ts';
import type { Tokens } from '#bench/drive/orders.ts';
import { UsageError } from '#bench/drive/scenario.ts';
import { isScenario, SCENARIO_NAMES, SCENARIOS, type ScenarioName } from './requests.ts';

/** A load of the API as the command line asks for it. */
export interface HttpOptions {
  /** The address before `/api/v1`, without a slash at its end. */
  readonly target: string;
  readonly scenario: ScenarioName;
  readonly connections: number;
  readonly seconds: number;
  /** Requests a second of all connections; undefined: each sends its next one after an answer. */
  readonly rate: number | undefined;
  readonly tokens: Tokens;
  /** A key of API_KEYS, where the scenario needs one. */
  readonly key: string | undefined;
  readonly metrics: readonly URL[];
  readonly thresholds: HttpThresholds;
  /** The folder of the reports. */
  readonly out: string;
}

/** Limits that a run has to keep. */
export interface HttpThresholds {
  /** Milliseconds. */
  readonly p99?: number;
  /** Answers other than 2xx, and requests without an answer. */
  readonly errors?: number;
}

/** What `npm run bench -- http` takes. */
export const HTTP_USAGE = `usage: npm run bench -- http --target https://chat.example.com
  --scenario NAME         ${SCENARIO_NAMES.map((name) => `${name} (${SCENARIOS[name].about})`).join(', ')}; default: mixed
  --connections N, --seconds N                             (default: 16, 20)
  --rate N                requests a second of all; without it each connection sends its next one after an answer
  --tokens mint           signs tokens with JWT_SECRET (or JWT_SECRET_FILE) of the environment, JWT_ISSUER, JWT_AUDIENCE (default)
  --tokens FILE           one token a line, for one connection each
  --tokens guests         asks the API of the target for guests
  --metrics URL,URL       admin ports to read /metrics of: CPU and memory of the servers
  --p99 50ms --errors 0   a run that breaks one ends with status 1
  --out FOLDER            where http.json and http.html go (default: bench/results)`;

const HELP = 'npm run bench -- http --help lists all flags.';
const FLAGS = {
  target: { type: 'string' },
  scenario: { type: 'string', default: 'mixed' },
  connections: { type: 'string', default: '16' },
  seconds: { type: 'string', default: '20' },
  rate: { type: 'string' },
  tokens: { type: 'string', default: 'mint' },
  metrics: { type: 'string' },
  p99: { type: 'string' },
  errors: { type: 'string' },
  out: { type: 'string', default: new URL('../results', import.meta.url).pathname },
} as const;

/** Reads the command line. Secrets come from the environment or a file alone. @throws UsageError */
export async function readHttpOptions(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Promise<HttpOptions> {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(argv);
  } catch (error) {
    throw new UsageError(`${(error instanceof Error ? error.message : String(error)).split('\n')[0]?.replace(/\.$/, '')}. ${HELP}`);
  }
  if (values.target === undefined) throw new UsageError(`--target says which API is loaded: --target https://chat.example.com. ${HELP}`);
  const target = targetOf(values.target);
  const { scenario } = values;
  if (!isScenario(scenario)) throw new UsageError(`There is no scenario "${scenario}". Take one of ${SCENARIO_NAMES.join(', ')}.`);
  const connections = count('--connections', values.connections);
  const key = secretOf(env, 'BENCH_API_KEY');
  if (SCENARIOS[scenario].needsKey && key === undefined)
    throw new UsageError(`The scenario "${scenario}" is for services: set BENCH_API_KEY (or BENCH_API_KEY_FILE) to a key of API_KEYS.`);
  return {
    target,
    scenario,
    connections,
    seconds: positive('--seconds', values.seconds),
    rate: values.rate === undefined ? undefined : positive('--rate', values.rate),
    tokens: SCENARIOS[scenario].needsKey
      ? { kind: 'list', tokens: [key ?? ''] }
      : await tokensOf(values.tokens, connections, env, (wanted) => guests(target, wanted)),
    key,
    metrics: list(values.metrics).map((text) => metricsUrl(text)),
    thresholds: {
      ...(values.p99 !== undefined && { p99: milliseconds('--p99', values.p99) }),
      ...(values.errors !== undefined && { errors: count('--errors', values.errors, 0) }),
    },
    out: values.out,
  };
}

function parse(argv: readonly string[]) {
  return parseArgs({ args: [...argv], options: FLAGS, strict: true, allowPositionals: false }).values;
}

function targetOf(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new UsageError(`"${text}" is no address. A target looks like https://chat.example.com or http://127.0.0.1:8081/below-a-path.`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new UsageError(`A target of the API begins with http:// or https://, and ${url.protocol}// does not.`);
  if (url.search !== '' || url.username !== '' || url.hash !== '')
    throw new UsageError('A target has no query and no user. Tokens come from the environment or a file: see --tokens.');
  return url.href.replace(/\/$/, '');
}
