import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonReport } from '#bench/drive/report.ts';
import { ApiProcess } from '#test/support/api-process.ts';
import { Child } from '#test/support/child.ts';
import { FaultyHub } from '#test/support/faulty-hub.ts';
import { freePort } from '#test/support/free-port.ts';
import { GatewayProcess } from '#test/support/gateway-process.ts';
import { JWT_SECRET } from '#test/support/jwt.ts';
import { NetworkNamespaces } from '#test/support/network-namespaces.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { until } from '#test/support/wait.ts';

const MAIN = fileURLToPath(new URL('../../bench/run.ts', import.meta.url));
const KEY = 'a key for the machines of this test';
/** The load is from one address, and none of it is abuse. */
const UNLIMITED = { HANDSHAKES_PER_MINUTE: '0', CONNECTIONS_PER_ADDRESS: '0', NEW_ROOMS_PER_MINUTE: '0' };

let redis: RedisServer;
let database: PostgresDatabase;
let gateways: GatewayProcess[];
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-load-'));
  [redis, database] = await Promise.all([RedisServer.start(), PostgresDatabase.create()]);
  const settings = { REDIS_URL: redis.url, DATABASE_URL: database.url, ...UNLIMITED };
  gateways = await Promise.all([GatewayProcess.start(settings), GatewayProcess.start(settings)]);
});
afterAll(async () => {
  await Promise.all((gateways ?? []).map((gateway) => gateway.kill9()));
  await Promise.all([redis?.stop(), database?.drop()]);
  rmSync(folder, { recursive: true, force: true });
});

/** Starts the command in a folder of its own. */
function start(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  before: readonly string[] = [],
): { readonly child: Child; readonly out: string } {
  const out = mkdtempSync(join(folder, 'run-'));
  const { PATH, HOME } = process.env;
  const [program = process.execPath, ...words] = [...before, process.execPath, MAIN, 'load', '--out', out, ...args];
  const child = new Child(program, words, { env: { PATH, HOME, JWT_SECRET, ...env } });
  return { child, out };
}

async function load(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly output: string; readonly report: JsonReport | undefined; readonly out: string }> {
  const { child, out } = start(args, env);
  const { code } = await child.exited;
  return { code, output: child.output, report: reportOf(out), out };
}

function reportOf(out: string): JsonReport | undefined {
  const file = join(out, 'load.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as JsonReport) : undefined;
}

const targets = (): string[] => gateways.flatMap(({ url }) => ['--target', url]);
const BRIEF = ['--connections', '60', '--ramp', '100', '--rooms', '4', '--rate', '60', '--seconds', '3'];

describe('npm run bench -- load', () => {
  it('accounts for each message over two gateways, and reports it as JSON and as a page without a secret', async () => {
    const { code, report, out, output } = await load([
      ...targets(),
      ...BRIEF,
      '--lost',
      '0',
      '--workers',
      '2',
      '--metrics',
      gateways.map(({ adminUrl }) => adminUrl).join(),
    ]);
    expect(output).toContain('Every threshold holds.');
    expect(code).toBe(0);
    expect(report?.ledger).toMatchObject({ receivers: 60, excused: 0, lost: 0, duplicated: 0, reordered: 0 });
    expect(report?.counts).toMatchObject({ connected: 60, refused: 0, unsent: 0, acked: report?.counts.sent });
    expect(report?.counts.sent).toBeGreaterThan(90);
    expect(report?.ledger.delivered).toBe(report?.ledger.expected);
    expect(report?.counts.delivered).toBe(report?.ledger.expected);
    expect(Object.keys(report?.servers ?? {})).toHaveLength(2);
    expect(report?.cpuEachDelivery.servers).toBeGreaterThan(0);
    expect(output).toMatch(/A delivery took [\d.]+ us of CPU in the load and [\d.]+ us in the servers\./);
    const page = readFileSync(join(out, 'load.html'), 'utf8');
    expect(page.match(/<svg /g)).toHaveLength(7);
    expect(page).not.toMatch(/<script|<link|src=|NaN/);
    expect(page + readFileSync(join(out, 'load.json'), 'utf8')).not.toContain(JWT_SECRET);
  });

  it('[M5] misses nothing where everybody falls off and comes back, and says how long that took', async () => {
    const scenario = join(folder, 'storm.json');
    const people = { reconnect: { share: 4, everySeconds: 2, atOnce: true }, chat: { share: 1, everySeconds: 1 } };
    const rooms = { count: 2, keeps: 'stream', spread: 'zipf' };
    writeFileSync(
      scenario,
      JSON.stringify({ about: 'A storm.', connections: 40, rampPerSecond: 100, seconds: 5, rooms, people, textBytes: 60 }),
    );
    const { report } = await load([...targets(), '--scenario', scenario]);
    expect(report?.ledger).toMatchObject({ receivers: 40, excused: 0, lost: 0, duplicated: 0, reordered: 0 });
    expect(report?.percentilesMs['recovery']).toBeDefined();
    expect(report?.counts.connected).toBeGreaterThanOrEqual(40 + 2 * 32);
  });

  it('[A10] lets customers open conversations, and agents take them and answer each message', async () => {
    const api = await ApiProcess.start({ REDIS_URL: redis.url, DATABASE_URL: database.url });
    try {
      const brief = ['--connections', '40', '--ramp', '40', '--rate', '40', '--seconds', '4', '--lost', '0', '--workers', '2'];
      const { code, output, report } = await load([...targets(), '--api', api.url, '--scenario', 'customers', ...brief]);
      expect(output).toContain('Every threshold holds.');
      expect(code).toBe(0);
      expect(report?.ledger).toMatchObject({ receivers: 40, excused: 0, lost: 0, duplicated: 0, reordered: 0 });
      const { sent = 0, acked = 0, refused, delivered } = report?.counts ?? {};
      // Each message of a customer has an answer, and each of both has two receivers.
      expect(sent).toBeGreaterThan(160);
      expect([acked + (refused ?? 0), delivered]).toEqual([sent, acked * 2]);
    } finally {
      await api.stop();
    }
  });

  it('counts what a hub lost, doubled and reordered, and ends with 1', async () => {
    const hub = await FaultyHub.start();
    const { code, output, report } = await load(['--target', hub.url, ...BRIEF, '--rooms', '1', '--lost', '0']);
    hub.stop();
    expect(code).toBe(1);
    const { lost, doubled, swapped } = hub.faults;
    expect(Math.min(lost, doubled, swapped)).toBeGreaterThan(0);
    expect(report?.ledger).toMatchObject({ receivers: 60, lost: lost * 60, duplicated: doubled * 60, reordered: swapped * 60 });
    expect(output).toContain(`${lost * 60} deliveries were lost, and 0 is the most`);
  });

  it('finds the highest rate that holds, and says which did not', async () => {
    const hub = await FaultyHub.start({ mostPerSecond: 60 });
    const { code, output, report } = await load([
      '--target',
      hub.url,
      ...BRIEF,
      '--rooms',
      '1',
      '--rate',
      '30',
      '--seconds',
      '1',
      '--step',
      '1',
      '--find-capacity',
      '--p99',
      '10s',
    ]);
    hub.stop();
    expect(output).toMatch(/do not hold: \d+ messages were refused \(BUSY \d+\)/);
    expect(report?.rate).toBeGreaterThanOrEqual(30);
    expect(report?.rate).toBeLessThan(100);
    expect(code).toBe(0);
  });

  it('is done by two machines that share a key, and by none that has another', async () => {
    const port = String(await freePort());
    const first = start([...targets(), ...BRIEF, '--coordinate', `127.0.0.1:${port}`, '--workers', '1'], { BENCH_KEY: KEY });
    await until(() => first.child.output.includes('Waiting for 1 machine'), { describe: () => first.child.output });
    const join_ = ['--join', `127.0.0.1:${port}`, '--workers', '1'];
    const stranger = await load(join_, { BENCH_KEY: 'another key, and long enough' });
    expect([stranger.code, stranger.output]).toEqual([64, expect.stringContaining('Is BENCH_KEY the same on both?')]);
    const helper = await load(join_, { BENCH_KEY: KEY });
    await first.child.exited;
    expect(helper.code).toBe(0);
    expect(reportOf(first.out)).toMatchObject({ machines: 2, ledger: { receivers: 60, lost: 0 }, counts: { connected: 60 } });
  });

  it('is done by two machines with networks of their own, of which each connects for itself', async () => {
    const namespaces = NetworkNamespaces.make();
    try {
      const [one, other] = namespaces.machines;
      const port = String(await freePort());
      const outside = gateways.flatMap((gateway) => ['--target', `ws://${namespaces.here}:${gateway.port}`]);
      const first = start(
        [...outside, ...BRIEF, '--coordinate', `${one.address}:${port}`, '--workers', '1', '--lost', '0'],
        { BENCH_KEY: KEY },
        one.command,
      );
      await until(() => first.child.output.includes('Waiting for 1 machine'), { describe: () => first.child.output });
      const helper = start(['--join', `${one.address}:${port}`, '--workers', '1'], { BENCH_KEY: KEY }, other.command);
      const [{ code }, helped] = await Promise.all([first.child.exited, helper.child.exited]);
      expect([code, helped.code], first.child.output + helper.child.output).toEqual([0, 0]);
      expect(helper.child.output).toContain('The other clock differs by');
      expect(reportOf(first.out)).toMatchObject({ machines: 2, ledger: { receivers: 60, lost: 0 }, counts: { connected: 60 } });
      // Nobody of the other network comes in where the first one is not.
      const stranger = start(['--target', `ws://127.0.0.1:${gateways[0]?.port}`, ...BRIEF], {}, other.command);
      await stranger.child.exited;
      expect(stranger.child.output).toContain('Nobody listens at');
    } finally {
      namespaces.remove();
    }
  });

  it('says in one sentence why it cannot load', async () => {
    const url = gateways[0]?.url ?? '';
    const nobody = `ws://127.0.0.1:${await freePort()}`;
    const expected: readonly (readonly [args: readonly string[], env: Readonly<Record<string, string>>, sentence: string])[] = [
      [['--target', nobody], {}, 'Nobody listens at'],
      [['--target', url], { JWT_SECRET: 'a secret that is not the one of this hub' }, 'refuses the token (TOKEN_EXPIRED)'],
      [['--target', gateways[0]?.adminUrl.replace('http', 'ws') ?? ''], {}, 'is no Parley, or a proxy does not pass WebSockets on'],
      [['--target', url, '--connections', '9000000', '--workers', '1'], {}, 'Take --workers'],
    ];
    const found = await Promise.all(expected.map(([args, env]) => load(args, env)));
    for (const [index, { code, output }] of found.entries()) {
      expect(output).toContain(`parley bench: `);
      expect(output).toContain(expected[index]?.[2]);
      expect(code).toBe(64);
    }
  });
});
