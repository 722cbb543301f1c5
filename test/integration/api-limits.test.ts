import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { LIMITS, type LimitName, RateLimits } from '#services/api/rate-limits.ts';
import { ApiInstance } from '#test/support/api-instance.ts';
import { listeningLog } from '#test/support/api-world.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { bearer, RoomStage } from '#test/support/room-stage.ts';

const KEY = new Uint8Array(32).fill(7);
const rules = { ...LIMITS, codePerAccount: { points: 10, seconds: 600 }, codePerAddress: { points: 0, seconds: 600 } };

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.stop());

async function limits(prefix: string): Promise<{ limits: RateLimits; logged: string[]; close: () => Promise<void> }> {
  const logged: string[] = [];
  const log = listeningLog(logged);
  const link = RedisLink.open(redis.url, { prefix, log });
  await link.ready(10_000);
  return { limits: new RateLimits({ link, key: KEY, log, rules }), logged, close: () => link.close() };
}

const takes = async (count: number, take: (n: number) => Promise<number>): Promise<number[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => take(n)));

describe('limits', () => {
  it('[A1] are counted together by all instances, each account by itself', async () => {
    const [one, two] = await Promise.all([limits('shared'), limits('shared')]);
    const waits = await takes(40, (n) => (n % 2 === 0 ? one : two).limits.take('codePerAccount', 'ann@example.org'));
    expect(waits.filter((wait) => wait === 0)).toHaveLength(10);
    for (const wait of waits.filter((seconds) => seconds > 0)) {
      expect(wait).toBeGreaterThan(500);
      expect(wait).toBeLessThanOrEqual(600);
    }
    expect(await one.limits.take('codePerAccount', 'ben@example.org')).toBe(0);
    expect(await one.limits.take('codePerDevice', 'ann@example.org')).toBe(0);
    for (const granted of await takes(50, () => one.limits.take('codePerAddress', '192.0.2.1'))) expect(granted).toBe(0);
    await Promise.all([one.close(), two.close()]);
  });

  it('[A1] go on in memory while Redis is away, and together again when it is back', async () => {
    const { limits: limiter, close } = await limits('away');
    const name: LimitName = 'codePerAccount';
    expect(await limiter.take(name, 'ann')).toBe(0);
    await redis.kill();
    const waits = await takes(20, () => limiter.take(name, 'ann'));
    expect(waits.filter((wait) => wait === 0)).toHaveLength(10);
    await redis.restart();
    await expect.poll(async () => (await redis.command('KEYS', '*away*limit*')) as string[], { timeout: 20_000 }).toEqual([]);
    await expect
      .poll(
        async () => {
          await limiter.take(name, 'ben');
          return ((await redis.command('KEYS', '*away*limit*')) as string[]).length;
        },
        { timeout: 20_000 },
      )
      .toBe(1);
    await close();
  });

  it('[A1] without Redis are counted in memory', async () => {
    const limiter = new RateLimits({ link: undefined, key: KEY, log: listeningLog([]), rules });
    const waits = await takes(12, () => limiter.take('codePerAccount', 'ann'));
    expect(waits.filter((wait) => wait === 0)).toHaveLength(10);
    expect(await limiter.take('codePerAccount', 'ben')).toBe(0);
  });
});

describe('the API under its limits', () => {
  it('[A8] [A9] answers 429 to who makes, changes and pairs too often, counted over all instances', async () => {
    const stage = await RoomStage.start(redis.url);
    const few = { points: 3, seconds: 600 };
    const fewRules = { ...LIMITS, roomsPerUser: few, roomChangesPerUser: few, matchesPerUser: few };
    const log = listeningLog([]);
    const link = RedisLink.open(redis.url, { prefix: 'rooms', log });
    onTestFinished(() => link.close());
    await link.ready(10_000);
    const shared = new RateLimits({ link, key: KEY, log, rules: fewRules });
    const apis = [await stage.api({ limits: shared }), await stage.api({ limits: shared })] as const;
    const [ann, bob] = [bearer('ann'), bearer('bob')];
    await stage.arrive(ann, bob);
    const { room } = (await apis[0].call('POST', '/rooms', bob, { name: 'x', kind: 'group' })).body;
    const members = { members: ['ann'] };
    for (const [method, path, body] of [
      ['POST', '/rooms', { name: 'x', kind: 'group' }],
      ['POST', '/rooms/match', {}],
      ['POST', `/rooms/${room}/members`, members],
    ] as const) {
      for (let n = 0; n < 3; n++) expect((await apis[n % 2 ? 1 : 0].call(method, path, ann, body)).status, path).not.toBe(429);
      expect(await apis[1].call(method, path, ann, body), path).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } });
    }
    expect((await apis[0].call('POST', `/rooms/${room}/members`, bob, members)).status).toBe(200);
  });

  it('[A1] [A2] answers 429 for known and unknown accounts alike', async () => {
    const database = await PostgresDatabase.create();
    const api = await ApiInstance.start({
      databaseUrl: database.url,
      redisUrl: redis.url,
      rules: { codePerAccountAndAddress: { points: 4, seconds: 600 } },
    });
    try {
      await api.member('Known', 'known@example.org', '192.0.2.8');
      for (const account of ['Known', 'unknown@example.org', 'Stranger']) {
        const attempts: unknown[] = [];
        for (let n = 0; n < 4; n++) {
          const asked = await api.post('/auth/code', { account });
          expect(asked.status).toBe(202);
          attempts.push(asked.body['attempt']);
          for (let tries = 0; tries < 5; tries++)
            expect((await api.post('/auth/verify', { account, code: 'wrong!', attempt: attempts[n] })).status).toBe(401);
        }
        const fifth = await api.post('/auth/code', { account }, {}, '192.0.2.9');
        const proof = { account, code: 'wrong!', attempt: fifth.body['attempt'] };
        for (const answer of [await api.post('/auth/code', { account }), await api.post('/auth/verify', proof)]) {
          expect([answer.status, answer.body['code']]).toEqual([429, 'RATE_LIMITED']);
          expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
        }
      }
    } finally {
      await api.stop();
      await database.drop();
    }
  });
});
