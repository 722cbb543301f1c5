import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RecentSets, RecentSetsMemory } from '#libs/limits/recent-sets.ts';
import { RecentSetsRedis } from '#libs/redis/recent-sets-redis.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { RedisServer } from '#test/support/redis-server.ts';

const LOG = { info: () => undefined, warn: () => undefined, error: () => undefined };

interface Backend {
  readonly sets: RecentSets;
  /** The number of sets that take memory. */
  size(): Promise<number>;
  close(): Promise<void>;
}

const BACKENDS = {
  memory: async (): Promise<Backend> => {
    const sets = new RecentSetsMemory();
    return { sets, size: async () => sets.size, close: async () => undefined };
  },
  'one Redis': async (): Promise<Backend> => {
    const server = await RedisServer.start();
    const link = RedisLink.open(server.url, { prefix: 'contract', log: LOG });
    await link.ready(10_000);
    return {
      sets: new RecentSetsRedis(link),
      size: async () => Number(await server.command('DBSIZE')),
      close: async () => {
        await link.close();
        await server.stop();
      },
    };
  },
};

describe.each(Object.entries(BACKENDS))('[A17] sets of the newest members in %s', (_, start) => {
  let backend: Backend;
  const now = Date.now();

  beforeAll(async () => {
    backend = await start();
  });
  afterAll(() => backend.close());

  test('[A17] a member counts until its end, which a later call moves', async () => {
    const { sets } = backend;
    await sets.add('s', 'ends', 'a', now + 1000, 9, now);
    await sets.add('s', 'ends', 'b', now + 5000, 9, now);
    expect((await sets.members('s', 'ends', now + 999)).toSorted()).toEqual(['a', 'b']);
    expect(await sets.members('s', 'ends', now + 1000)).toEqual(['b']);
    await sets.add('s', 'ends', 'a', now + 9000, 9, now + 2000);
    expect((await sets.members('s', 'ends', now + 2000)).toSorted()).toEqual(['a', 'b']);
    expect(await sets.members('s', 'ends', now + 9000)).toEqual([]);
  });

  test('[A17] keeps so many, those that end last', async () => {
    const { sets } = backend;
    for (const [member, after] of [
      ['a', 5000],
      ['b', 2000],
      ['c', 4000],
      ['d', 3000],
    ] as const)
      await sets.add('s', 'most', member, now + after, 3, now);
    expect((await sets.members('s', 'most', now)).toSorted()).toEqual(['a', 'c', 'd']);
  });

  test('[A17] sets of other names and subjects are apart', async () => {
    const { sets } = backend;
    await sets.add('s', 'one', 'a', now + 60_000, 3, now);
    expect(await sets.members('s', 'two', now)).toEqual([]);
    expect(await sets.members('t', 'one', now)).toEqual([]);
  });
});

test('[A17] memory: sets that have ended are dropped', async () => {
  const sets = new RecentSetsMemory();
  for (let n = 0; n < 10_000; n += 1) await sets.add('s', `early-${n}`, 'a', 1000, 1, 0);
  await sets.add('s', 'late', 'a', 3000, 1, 2000);
  expect(sets.size).toBe(1);
});

test('[A17] Redis: a set expires with its last member', async () => {
  const { sets, size, close } = await BACKENDS['one Redis']();
  const now = Date.now();
  await sets.add('s', 'short', 'a', now + 50, 3, now);
  await sets.add('s', 'long', 'a', now + 50, 3, now);
  await sets.add('s', 'long', 'b', now + 60_000, 3, now);
  await expect.poll(size).toBe(1);
  expect(await sets.members('s', 'long', now)).toContain('b');
  await close();
});
