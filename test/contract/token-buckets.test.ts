import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type TokenBuckets, TokenBucketsMemory } from '#libs/limits/token-buckets.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { TokenBucketsRedis } from '#libs/redis/token-buckets-redis.ts';
import { RedisServer } from '#test/support/redis-server.ts';

const LOG = { info: () => undefined, warn: () => undefined, error: () => undefined };

interface Backend {
  readonly buckets: TokenBuckets;
  close(): Promise<void>;
}

const BACKENDS: Record<string, () => Promise<Backend>> = {
  memory: async () => ({ buckets: new TokenBucketsMemory(), close: async () => undefined }),
  'one Redis': async () => {
    const server = await RedisServer.start();
    const link = RedisLink.open(server.url, { prefix: 'contract', log: LOG });
    await link.ready(10_000);
    return {
      buckets: new TokenBucketsRedis(link),
      close: async () => {
        await link.close();
        await server.stop();
      },
    };
  },
};

/** A thousand seconds to fill: nothing comes back while a test runs. */
const SLOW = { rate: 1, burst: 1000 };

describe.each(Object.entries(BACKENDS))('token buckets in %s', (_, start) => {
  let backend: Backend;

  beforeAll(async () => {
    backend = await start();
  });
  afterAll(() => backend.close());

  test('[F3] a full bucket gives its burst, whatever it is taken in', async () => {
    const { buckets } = backend;
    expect(await buckets.draw('b', 'ada', { least: 1, most: 400 }, SLOW)).toEqual({ drawn: 400, waitMs: 0 });
    const draws = await Promise.all(Array.from({ length: 7 }, () => buckets.draw('b', 'ada', { least: 1, most: 100 }, SLOW)));
    const drawn = draws.reduce((sum, draw) => sum + draw.drawn, 0);
    // What fills it while it is drawn from.
    expect(drawn).toBeGreaterThanOrEqual(600);
    expect(drawn).toBeLessThan(700);
    const refused = await buckets.draw('b', 'ada', { least: 500, most: 500 }, SLOW);
    expect(refused.drawn).toBe(0);
    expect(refused.waitMs).toBeGreaterThan(300_000);
    expect(refused.waitMs).toBeLessThanOrEqual(500_000);
  });

  test('[F3] subjects and names have buckets of their own', async () => {
    const { buckets } = backend;
    const all = { least: 1000, most: 1000 };
    for (const [name, subject] of [
      ['b', 'bob'],
      ['b', 'cleo'],
      ['c', 'bob'],
    ] as const)
      expect((await buckets.draw(name, subject, all, SLOW)).drawn).toBe(1000);
    expect((await buckets.draw('c', 'bob', all, SLOW)).drawn).toBe(0);
  });

  test('[F3] what was taken comes back at the rate', async () => {
    const { buckets } = backend;
    const fast = { rate: 1_000_000, burst: 1000 };
    await buckets.draw('b', 'dora', { least: 1000, most: 1000 }, fast);
    await expect.poll(() => buckets.draw('b', 'dora', { least: 1000, most: 1000 }, fast)).toEqual({ drawn: 1000, waitMs: 0 });
  });
});
