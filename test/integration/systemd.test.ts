import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '#libs/config/config.ts';
import type { Role, Setting } from '#libs/config/setting.ts';
import { SETTINGS } from '#libs/config/settings.ts';
import { connectionsFor } from '#libs/process/open-files.ts';
import { makeFolder, removeFolder } from '#test/support/temp-folder.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const UNITS = join(ROOT, 'deploy', 'systemd');
const SERVICES = ['gateway', 'api', 'worker', 'migrate'] as const satisfies readonly Role[];
/** Of 10: the lower, the less a program that was taken over can do (systemd-analyze(1)). */
const EXPOSURE_MAX = 1.5;
const PAGE_BYTES = 4096;
const read = (file: string): string => readFileSync(join(UNITS, file), 'utf8');
const NAMES = new Set(Object.values<Setting<unknown>>(SETTINGS).map(({ name }) => name));

let folder: string;
beforeAll(() => {
  // The project lies elsewhere here. Nothing but that is changed.
  folder = makeFolder('parley-systemd-');
  cpSync(UNITS, folder, { recursive: true });
  mkdirSync(join(folder, 'opt'));
  symlinkSync(ROOT, join(folder, 'opt', 'parley'));
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.service')))
    writeFileSync(join(folder, file), read(file).replaceAll('/opt/parley', join(folder, 'opt', 'parley')));
});
afterAll(() => removeFolder(folder));

/** Runs systemd-analyze on the copies. Returns what it prints about faults, of which some fail nothing. */
function analyze(...args: readonly string[]): { readonly status: number | null; readonly faults: string } {
  const env = { ...process.env, SYSTEMD_UNIT_PATH: `${folder}:` };
  const { status, stderr, error } = spawnSync('systemd-analyze', ['--no-pager', '--man=no', ...args], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  return { status, faults: stderr };
}

/** The values of a directive, in the order of the files. */
function directives(name: string, service: string): string[] {
  const text = `${read(`parley-${service}.service`)}\n${read('parley-.service.d/10-parley.conf')}`;
  return [...text.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value);
}

const environment = (service: string): Record<string, string> =>
  Object.fromEntries(
    directives('Environment', service)
      .flatMap((line) => line.split(' '))
      .map((pair) => pair.split('=') as [string, string]),
  );

/** Bytes of `4G`, `512M`. */
const bytes = (text: string | undefined): number =>
  Number.parseInt(text ?? '', 10) * 1024 ** (' KMG'.indexOf(text?.at(-1) ?? '') || Number.NaN);

/** The numbers of a setting of the kernel. */
const kernel = (name: string): number[] =>
  (new RegExp(`^-?${name.replaceAll('.', '\\.')} = (.*)$`, 'm').exec(read('90-parley.conf'))?.[1] ?? '').split(/[ ,]/).map(Number);

describe('deploy/systemd', () => {
  it('is what systemd takes', () => {
    const files = readdirSync(UNITS).filter((name) => /\.(service|target|slice)$/.test(name));
    expect(files).toHaveLength(SERVICES.length + 2);
    const verify = (names: readonly string[]) => analyze('verify', ...names.map((name) => `./${name}`));
    expect(verify(files)).toEqual({ status: 0, faults: '' });
    writeFileSync(join(folder, 'parley-wrong.service'), read('parley-api.service').replace('MemoryMax=', 'MemoryMost='));
    expect(verify(['parley-wrong.service']).faults).toContain('MemoryMost');
  });

  it.each(SERVICES)('lets the %s do little beside its work', (service) => {
    const secure = (unit: string) => analyze('security', '--offline=true', `--threshold=${EXPOSURE_MAX * 10}`, unit).status;
    expect(secure(`./parley-${service}.service`)).toBe(0);
    // What all units share makes it so.
    writeFileSync(join(folder, 'bare.service'), read(`parley-${service}.service`));
    expect(secure('./bare.service')).not.toBe(0);
  });

  it.each(SERVICES)('starts the %s with settings that it takes, and with no more secrets than it reads', (service) => {
    const [program = '', ...rest] = directives('ExecStart', service)[0]?.split(' ') ?? [];
    expect(existsSync(program.replace('/opt/parley', ROOT))).toBe(true);
    expect(rest.map((path) => existsSync(join(ROOT, path)))).toEqual([true]);
    const set = environment(service);
    expect(Object.keys(set).filter((name) => !NAMES.has(name.replace(/_FILE$/, '')) && name !== 'NODE_ENV')).toEqual([]);
    const loaded = directives('LoadCredential', service).map((line) => line.split(':')[0] ?? '');
    expect(loaded.map((name) => [name, set[`${name}_FILE`]])).toEqual(loaded.map((name) => [name, `%d/${name}`]));
    const secrets: Readonly<Record<string, string>> = {
      JWT_SECRET: 'Zm9yIHRlc3RzIG9mIHRoZSB1bml0czogMzIgYnl0ZXMgb3IgbW9yZQ',
      REDIS_URL: 'redis://127.0.0.1',
      DATABASE_URL: 'postgres://parley@127.0.0.1/parley',
      SMTP_URL: 'smtp://127.0.0.1',
    };
    for (const name of loaded) {
      writeFileSync(join(folder, name), secrets[name] ?? '');
      set[`${name}_FILE`] = join(folder, name);
    }
    const config = loadConfig(service, set);
    if (service === 'migrate') return;
    // A program that is killed while it drains loses its clients at once.
    const stopSeconds = Number(directives('TimeoutStopSec', service)[0]);
    expect(stopSeconds).toBeGreaterThanOrEqual(config.drainSeconds + 10);
  });

  it('derives its limits from the connections of the machine', () => {
    const { GATEWAY_PROCESSES, CONNECTIONS_MAX } = environment('gateway');
    const [files] = directives('LimitNOFILE', 'gateway').map(Number);
    expect(connectionsFor(Number(CONNECTIONS_MAX), files ?? 0)).toBe(Number(CONNECTIONS_MAX));
    expect(() => connectionsFor(Number(CONNECTIONS_MAX), (files ?? 0) / 2)).toThrow('LimitNOFILE');
    const connections = Number(GATEWAY_PROCESSES) * Number(CONNECTIONS_MAX);
    for (const file of ['90-parley.conf', 'parley-gateway.service']) expect(read(file)).toContain(connections.toLocaleString('en'));

    const [, received = 0, receivedMax = 0] = kernel('net.ipv4.tcp_rmem');
    const { frameMaxBytes } = loadConfig('migrate', { DATABASE_URL: 'postgres://a@127.0.0.1/a' });
    expect(receivedMax).toBeGreaterThanOrEqual(8 * frameMaxBytes);
    const [low = 0, pressure = 0, high = 0] = kernel('net.ipv4.tcp_mem');
    expect(pressure * PAGE_BYTES).toBeGreaterThanOrEqual(connections * received);
    expect([low, pressure, high]).toEqual([low, pressure, high].toSorted((a, b) => a - b));
    expect(kernel('net.netfilter.nf_conntrack_max')[0]).toBeGreaterThanOrEqual(2 * connections);
    const [first = 0, last = 0] = kernel('net.ipv4.ip_local_port_range');
    expect(2 * (last - first + 1)).toBeGreaterThan(connections);
    const ports = SERVICES.flatMap((service) => [environment(service)['PORT'] ?? '8080', environment(service)['ADMIN_PORT'] ?? '9090']);
    expect(kernel('net.ipv4.ip_local_reserved_ports').map(String)).toEqual([...new Set(ports)].toSorted());

    const whole = bytes(/^MemoryMax=(.*)$/m.exec(read('parley.slice'))?.[1]);
    const parts = SERVICES.map((service) => bytes(directives('MemoryMax', service)[0]));
    expect(whole).toBeGreaterThan(parts.reduce((sum, part) => sum + part, 0));
  });
});
