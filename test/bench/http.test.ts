import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpReport } from '#bench/http/report.ts';
import { ApiProcess } from '#test/support/api-process.ts';
import { Child } from '#test/support/child.ts';
import { freePort } from '#test/support/free-port.ts';
import { JWT_SECRET } from '#test/support/jwt.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { RedisServer } from '#test/support/redis-server.ts';

const MAIN = fileURLToPath(new URL('../../bench/run.ts', import.meta.url));
const KEY = 'a-key-of-a-service-that-is-long-enough-for-anything';
const BRIEF = ['--seconds', '2', '--connections', '4'];

let redis: RedisServer;
let database: PostgresDatabase;
let api: ApiProcess;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-http-'));
  [redis, database] = await Promise.all([RedisServer.start(), PostgresDatabase.create()]);
  api = await ApiProcess.start({ REDIS_URL: redis.url, DATABASE_URL: database.url, API_KEYS: `bench:${KEY}` });
});
afterAll(async () => {
  await api?.stop();
  await Promise.all([redis?.stop(), database?.drop()]);
  rmSync(folder, { recursive: true, force: true });
});

async function http(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly output: string; readonly out: string }> {
  const out = mkdtempSync(join(folder, 'run-'));
  const { PATH, HOME } = process.env;
  const child = new Child(process.execPath, [MAIN, 'http', '--out', out, ...args], { env: { PATH, HOME, JWT_SECRET, ...env } });
  const { code } = await child.exited;
  return { code, output: child.output, out };
}

const reportOf = (out: string): HttpReport => JSON.parse(readFileSync(join(out, 'http.json'), 'utf8')) as HttpReport;

describe('npm run bench -- http', () => {
  it('loads the API, holds it against thresholds, and reports it as JSON and as a page without a secret', async () => {
    const { code, output, out } = await http([
      '--target',
      api.url,
      ...BRIEF,
      '--metrics',
      `127.0.0.1:${api.adminPort}`,
      '--p99',
      '5s',
      '--errors',
      '0',
    ]);
    expect(output).toContain('Every threshold holds.');
    expect(code).toBe(0);
    const report = reportOf(out);
    expect(report.answers).toBeGreaterThan(20);
    expect(report.errors).toEqual({});
    expect(report.cpuEachAnswer.servers).toBeGreaterThan(0);
    expect(Object.keys(report.servers)).toHaveLength(1);
    const page = readFileSync(join(out, 'http.html'), 'utf8');
    expect(page.match(/<svg /g)).toHaveLength(6);
    expect(page).not.toMatch(/<script|<link|src=|NaN/);
    expect(page + JSON.stringify(report)).not.toContain(JWT_SECRET);
  });

  it('keeps to a rate, and pushes with a key', async () => {
    const { code, out } = await http(['--target', api.url, ...BRIEF, '--scenario', 'push', '--rate', '40'], { BENCH_API_KEY: KEY });
    expect(code).toBe(0);
    const { answers, errors } = reportOf(out);
    expect(errors).toEqual({});
    expect(answers).toBeGreaterThan(30);
    expect(answers).toBeLessThan(130);
  });

  it('ends with 1 if a threshold breaks', async () => {
    const { code, output } = await http(['--target', api.url, ...BRIEF, '--p99', '0.001ms']);
    expect(output).toMatch(/BROKEN {6}the 99th percentile of answers is [\d.]+ ms, and 0\.001 ms is the most/);
    expect(code).toBe(1);
  });

  it('says in one sentence why it cannot load', async () => {
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const expected: readonly (readonly [args: readonly string[], env: Readonly<Record<string, string>>, sentence: string])[] = [
      [['--target', nobody], {}, 'Nobody listens at'],
      [['--target', `http://127.0.0.1:${api.adminPort}`], {}, 'is no Parley, or not its API: GET /api/v1/online answers 404.'],
      [['--target', api.url], { JWT_SECRET: 'a secret that is not the one of this hub' }, 'refuses the token (TOKEN_EXPIRED)'],
      [['--target', api.url, '--scenario', 'push'], { BENCH_API_KEY: 'not the key' }, 'refuses the key'],
      [['--target', api.url, '--scenario', 'push'], {}, 'set BENCH_API_KEY'],
      [['--target', api.url.replace('http', 'ws')], {}, 'begins with http:// or https://'],
    ];
    const found = await Promise.all(expected.map(([args, env]) => http(args, env)));
    for (const [index, { code, output }] of found.entries()) {
      expect(output).toContain('parley bench: ');
      expect(output).toContain(expected[index]?.[2]);
      expect(code).toBe(64);
    }
  });
});
