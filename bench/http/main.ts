/** `npm run bench -- http`: see `options.ts`, or `--help`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import autocannon from 'autocannon';
import type { Tokens } from '#bench/drive/orders.ts';
import { UsageError } from '#bench/drive/scenario.ts';
import { ServerWatch } from '#bench/drive/server-watch.ts';
import { signToken } from '#bench/load/token.ts';
import { HTTP_USAGE, type HttpOptions, readHttpOptions } from './options.ts';
import { checkApi, headersOf } from './preflight.ts';
import { type HttpOutcome, httpCpuSentence, httpHtml, httpJson } from './report.ts';
import { SCENARIOS } from './requests.ts';
import { HttpSampler } from './sampler.ts';

/** The exit code of a wrong command line or a target that cannot be loaded (sysexits.h). */
const USAGE_CODE = 64;
const SECOND_MS = 1000;
const SCRAPE_EVERY = 2;

/** Runs the command. Returns its exit code: 0, 1 if a threshold broke, 64 if it could not run. */
export async function runHttp(argv: readonly string[]): Promise<number> {
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  if (argv.includes('--help')) {
    say(HTTP_USAGE);
    return 0;
  }
  try {
    const options = await readHttpOptions(argv, process.env);
    const tokens = tokensFor(options.tokens, options.connections);
    await checkApi(options, tokens[0] ?? '');
    const outcome = await load(options, tokens, say);
    const report = httpJson(options, outcome);
    mkdirSync(options.out, { recursive: true });
    writeFileSync(join(options.out, 'http.json'), `${JSON.stringify(report, null, 1)}\n`);
    writeFileSync(join(options.out, 'http.html'), httpHtml(report));
    const { sampler, breaches } = outcome;
    const ms = [50, 99, 99.9].map((percent) => `p${percent} ${sampler.percentile(percent).toFixed(1)} ms`).join(', ');
    say(`Answers     ${sampler.answers}, ${report.answersPerSecond.toFixed(0)} a second: ${ms}`);
    say(
      `Errors      ${
        Object.entries(sampler.errors)
          .map(([key, times]) => `${key}: ${times}`)
          .join('; ') || 'none'
      }`,
    );
    say(`CPU         ${httpCpuSentence(report)}`);
    for (const breach of breaches) say(`BROKEN      ${breach}`);
    if (breaches.length === 0 && Object.keys(options.thresholds).length > 0) say('Every threshold holds.');
    say(`The report is ${join(options.out, 'http.html')}`);
    return breaches.length === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`parley bench: ${error.message}\n`);
    return USAGE_CODE;
  }
}

/** A token for each connection. */
function tokensFor(tokens: Tokens, connections: number): readonly string[] {
  if (tokens.kind === 'list') return tokens.tokens;
  const { secret, issuer, audience } = tokens;
  const run = Date.now().toString(36);
  return Array.from({ length: connections }, (_, number) =>
    signToken(secret, `bench-${run}-${number}`, Date.now(), {
      ...(issuer !== undefined && { iss: issuer }),
      ...(audience !== undefined && { aud: audience }),
    }),
  );
}

async function load(options: HttpOptions, tokens: readonly string[], say: (text: string) => void): Promise<HttpOutcome> {
  const { target, scenario, connections, seconds, rate } = options;
  const startedAt = new Date();
  const sampler = new HttpSampler(rate === undefined ? 0 : Math.round((connections / rate) * 1e6));
  const servers = new ServerWatch(options.metrics, () => sampler.at);
  const before = await servers.cpuSeconds();
  const cpu = process.cpuUsage();
  let [next, client, ticks] = [0, 0, 0];
  const timer = setInterval(() => {
    const { at, answers, errors, p50, p99 } = sampler.second();
    const ms = (value: number | null): string => (value === null ? '-' : `${value.toFixed(1)} ms`);
    say(`${at.toFixed(0).padStart(4)} s  ${answers} answers/s  p50 ${ms(p50)}  p99 ${ms(p99)}  errors ${errors}`);
    ticks += 1;
    if (ticks % SCRAPE_EVERY === 0) void servers.look();
  }, SECOND_MS);
  const began = performance.now();
  try {
    await new Promise<void>((resolve, reject) => {
      const run = autocannon(
        {
          url: target,
          connections,
          duration: seconds,
          ...(rate !== undefined && { overallRate: rate }),
          setupClient: (one) => {
            const token = tokens[client++ % tokens.length];
            const request = () => {
              const { method, path, body } = SCENARIOS[scenario].request(next++);
              return {
                method,
                path: `${new URL(target).pathname.replace(/\/$/, '')}/api/v1${path}`,
                headers: headersOf(token, body !== undefined),
                ...(body !== undefined && { body: JSON.stringify(body) }),
              };
            };
            one.setRequests([{ ...request(), setupRequest: (was: object) => ({ ...was, ...request() }) }]);
          },
        },
        (error: unknown) => (error ? reject(error) : resolve()),
      );
      run.on('response', (_client, status, _bytes, milliseconds) => sampler.answer(status, milliseconds));
      run.on('reqError', (error: NodeJS.ErrnoException) => sampler.error(error.code ?? error.message));
    });
  } finally {
    clearInterval(timer);
  }
  const took = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const after = await servers.cpuSeconds();
  return {
    sampler,
    servers,
    startedAt,
    seconds: took,
    loadCpuSeconds: (user + system) / 1e6,
    serverCpuSeconds: before === undefined || after === undefined ? undefined : after - before,
    breaches: breachesOf(options, sampler),
  };
}

function breachesOf({ thresholds: { p99, errors } }: HttpOptions, sampler: HttpSampler): string[] {
  const breaches: string[] = [];
  const found = sampler.percentile(99);
  if (p99 !== undefined && !(found <= p99))
    breaches.push(
      Number.isNaN(found)
        ? 'the 99th percentile of answers cannot be told: there was none'
        : `the 99th percentile of answers is ${found.toFixed(1)} ms, and ${p99} ms is the most`,
    );
  if (errors !== undefined && sampler.errorCount > errors)
    breaches.push(
      `${sampler.errorCount} requests failed (${Object.entries(sampler.errors)
        .map(([key, times]) => `${key} ${times}`)
        .join(', ')}), and ${errors} is the most`,
    );
  return breaches;
}
