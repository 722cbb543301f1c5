import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError } from '#libs/config/config.ts';
import { RedisHealth } from '#libs/redis/redis-health.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { FakeMaster } from '#test/support/fake-master.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { until } from '#test/support/wait.ts';

/** The very line of the README. */
const RULE = /^ACL SETUSER parley .*$/m.exec(readFileSync('README.md', 'utf8'))?.[0].split(' ') ?? [];

let redis: RedisServer;
let logged: string[];
const links: RedisLink[] = [];
const healths: RedisHealth[] = [];

beforeAll(async () => {
  redis = await RedisServer.start();
});

beforeEach(async () => {
  logged = [];
  await redis.command(...RULE);
});

afterEach(async () => {
  for (const health of healths.splice(0)) health.stop();
  await Promise.all(links.splice(0).map((link) => link.close()));
  await redis.command('ACL', 'DELUSER', 'parley');
  await redis.command('REPLICAOF', 'NO', 'ONE');
  await redis.command('CONFIG', 'SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction');
});

afterAll(async () => {
  await redis.stop();
});

function open(url: string): RedisHealth {
  const line = (_: object, message: string): void => void logged.push(message);
  const link = RedisLink.open(url, { prefix: 'parley:', log: { info: line, warn: line, error: line } });
  const health = new RedisHealth(link);
  links.push(link);
  healths.push(health);
  return health;
}

const asParley = (path = ''): string => `redis://parley:password@127.0.0.1:${redis.port}${path}`;

/** What a start ends with: the refusal, once Redis has answered at all. */
async function refusal(url: string): Promise<string> {
  const health = open(url);
  return until(() =>
    health.admit().then(
      () => 'admitted',
      (error: unknown) => (error instanceof ConfigError ? error.message : undefined),
    ),
  );
}

/** Resolves once a start goes through. */
async function admitted(url: string): Promise<RedisHealth> {
  const health = open(url);
  await until(() => health.admit().then(() => true));
  return health;
}

describe('a Redis user', () => {
  test('with the rule of the README has all that is needed', async () => {
    const health = await admitted(asParley());
    expect(health.problem).toBeUndefined();
    expect(logged.filter((message) => message !== 'redis connection up')).toEqual([]);
  });

  test.each([
    [['-xadd'], 'may not run XADD'],
    [['-zadd'], 'may not run ZADD'],
    [['-bzpopmin'], 'may not run BZPOPMIN'],
    [['-evalsha'], 'may not run EVALSHA'],
    [['-script'], 'may not run SCRIPT LOAD'],
    [['-info'], 'may not run INFO'],
    [['-publish'], 'may not run PUBLISH'],
    [['-subscribe'], 'may not run SUBSCRIBE'],
    [['resetchannels'], 'may not use the channel parley:{health-0}:health'],
    [['resetkeys', '~parley:{health*', '~parley:{r*'], 'may not use the key parley:{p0}:'],
    [['resetkeys', '~parley::*'], 'may not use the key parley:{health-0}:health'],
  ])('without a right (%j) is refused at start, by name: %s', async (rule, reason) => {
    await redis.command('ACL', 'SETUSER', 'parley', ...rule);
    const text = await refusal(asParley());
    expect(text).toContain('REDIS_URL: Redis refuses what is needed: ');
    expect(text).toContain(reason);
    expect(text).not.toContain('\n');
  });

  test('whose password is wrong, and a database that is not there, are refused at start', async () => {
    expect(await refusal(`redis://parley:hunter2@127.0.0.1:${redis.port}`)).toContain('user or password are refused (WRONGPASS');
    expect(await refusal(asParley('/99'))).toContain('there is no such database (ERR DB index is out of range)');
    await redis.command('CONFIG', 'SET', 'requirepass', 'x');
    try {
      expect(await refusal(redis.url)).toMatch(/refused \(NOAUTH/);
    } finally {
      for (const link of links.splice(0)) await link.close();
      await redisWithPassword('x', 'CONFIG', 'SET', 'requirepass', '');
    }
  });

  test('that loses a right later makes the node unready, and logs little; with the right back all is well', async () => {
    const health = await admitted(asParley());
    health.start();
    for (const [lost, back] of [
      ['-set', '+set'],
      ['-zadd', '+zadd'],
    ] as const) {
      await redis.command('ACL', 'SETUSER', 'parley', lost);
      await until(() => health.problem?.includes(`may not run ${lost.slice(1).toUpperCase()}`));
      await redis.command('ACL', 'SETUSER', 'parley', back);
      await until(() => health.problem === undefined);
    }
    expect(logged.filter((message) => message.startsWith('Redis cannot'))).toHaveLength(2);
  });
});

describe('a Redis that cannot keep what it is given', () => {
  test('because it is full', async () => {
    const health = await admitted(redis.url);
    health.start();
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    await until(() => health.problem?.includes('OOM'));
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    await until(() => health.problem === undefined);
  });

  test('because it is a replica, at start and later', async () => {
    const health = await admitted(redis.url);
    health.start();
    await redis.command('REPLICAOF', '127.0.0.1', '1');
    await until(() => health.problem?.includes('it is a replica'));
    const late = open(redis.url);
    await until(() =>
      late.admit().then(
        () => false,
        (error: unknown) => String(error).includes('it is a replica'),
      ),
    );
    await redis.command('REPLICAOF', 'NO', 'ONE');
    await until(() => health.problem === undefined && late.admit().then(() => true));
  });

  test('because it evicts: said without a limit of memory, a reason with one', async () => {
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru');
    const health = await admitted(redis.url);
    health.start();
    expect(health.advice).toEqual({ code: 'redisEvicts', values: [] });
    await redis.command('CONFIG', 'SET', 'maxmemory', '100mb');
    await until(() => health.problem?.includes('maxmemory-policy is volatile-lru'));
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random');
    await until(() => health.problem?.includes('maxmemory-policy is allkeys-random'));
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await until(() => health.problem === undefined);
  });

  test('because it is too old', async () => {
    const old = await FakeMaster.start();
    old.version = '6.2.14';
    try {
      const health = open(`redis://127.0.0.1:${old.port}`);
      await until(() =>
        health.admit().then(
          () => false,
          (error: unknown) => String(error).includes('it is Redis 6.2.14: 7.0 or newer'),
        ),
      );
      expect(health.problem).toContain('6.2.14');
    } finally {
      await old.stop();
    }
  });
});

/** `redis.command` has no password. */
async function redisWithPassword(password: string, ...args: string[]): Promise<void> {
  const link = RedisLink.open(`redis://:${password}@127.0.0.1:${redis.port}`, {
    prefix: 'p',
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  await link.ready(10_000);
  const [master] = link.masters();
  if (master !== undefined) await link.ask(master, args[0] ?? '', args.slice(1));
  await link.close();
}
