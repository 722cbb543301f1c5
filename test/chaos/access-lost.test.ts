import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AccessScenario } from '#test/support/access-scenario.ts';
import { ApiProcess } from '#test/support/api-process.ts';
import { signToken } from '#test/support/jwt.ts';
import { PostgresDatabase, startPostgres } from '#test/support/postgres.ts';
import type { PostgresServer } from '#test/support/postgres-server.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestHub } from '#test/support/test-hub.ts';

let postgres: PostgresServer;
let database: PostgresDatabase;
let redis: RedisServer;
let hub: TestHub<RedisServer>;
/** Each stands between one process and one backend. */
const proxies: TcpProxy[] = [];
let api: ApiProcess;
/** Its Redis can be cut off. */
let lonely: ApiProcess;
TestHub.showLogs(() => hub);

/** Gateways: 0 is whole; the others stand behind proxies to Redis, to PostgreSQL, to both. */
const Cut = { none: 0, redis: 1, postgres: 2, both: 3 } as const;

const bearer = (user: string) => ({ authorization: `Bearer ${signToken({ sub: user, kind: 'user' })}` });
const json = async (response: Response) => (await response.json()) as { readonly room: string };

async function through(url: string): Promise<{ readonly url: string; readonly proxy: TcpProxy }> {
  const { port } = new URL(url);
  const proxy = await TcpProxy.start({ target: Number(port) });
  proxies.push(proxy);
  return { url: url.replace(`:${port}`, `:${proxy.port}`), proxy };
}

let redisOnly: TcpProxy;
let postgresOnly: TcpProxy;
let both: readonly TcpProxy[];
let ofLonely: TcpProxy;

beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), RedisServer.start()]);
  database = await PostgresDatabase.create({ adminUrl: postgres.url });
  const [r1, p2, r3, p3, r4] = await Promise.all([
    through(redis.url),
    through(database.url),
    through(redis.url),
    through(database.url),
    through(redis.url),
  ]);
  redisOnly = r1.proxy;
  postgresOnly = p2.proxy;
  both = [r3.proxy, p3.proxy];
  ofLonely = r4.proxy;
  hub = await TestHub.start(redis, { gateways: 1, env: { DATABASE_URL: database.url } });
  await hub.add({ REDIS_URL: r1.url });
  await hub.add({ DATABASE_URL: p2.url });
  await hub.add({ REDIS_URL: r3.url, DATABASE_URL: p3.url });
  [api, lonely] = await Promise.all([
    ApiProcess.start({ REDIS_URL: redis.url, DATABASE_URL: database.url }),
    ApiProcess.start({ REDIS_URL: r4.url, DATABASE_URL: database.url }),
  ]);
});
afterAll(async () => {
  for (const proxy of proxies) proxy.heal();
  redis?.resume();
  postgres?.thaw();
  await Promise.all([api?.kill9(), lonely?.kill9()]);
  await hub?.stop();
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  await postgres?.stop();
});

describe('[R7] access that is lost while something is away', () => {
  const scenarios: AccessScenario[] = [];

  async function round(
    place: { gateway: number; api: ApiProcess },
    cut: readonly TcpProxy[],
    seconds: number,
    hidden: boolean,
  ): Promise<void> {
    const scenario = await AccessScenario.open({ hub, ...place });
    scenarios.push(scenario);
    for (const proxy of cut) {
      // A line that is down, and one that tells so.
      if (seconds > 1) proxy.cut();
      else proxy.refuse();
    }
    const over = delay(seconds * 1000);
    try {
      await scenario.change();
      if (hidden) await scenario.removeAndTakeBack();
      await over;
    } finally {
      for (const proxy of cut) proxy.heal();
    }
    await scenario.settled();
  }

  it.each([1, 5, 15])(
    'holds everywhere soon: gateway, Redis, PostgreSQL, API cut off for %i s',
    async (seconds) => {
      await Promise.all([
        round({ gateway: Cut.redis, api }, [redisOnly], seconds, false),
        round({ gateway: Cut.postgres, api }, [postgresOnly], seconds, true),
        round({ gateway: Cut.both, api }, both, seconds, true),
        round({ gateway: Cut.none, api: lonely }, [ofLonely], seconds, false),
      ]);
    },
    240_000,
  );

  it('is told once, and puts nobody out who belongs there', () => {
    expect(scenarios).toHaveLength(12);
    expect(scenarios.flatMap((scenario) => scenario.faults())).toEqual([]);
  });

  it('lets nobody speak on a gateway that cannot know, and nobody who wakes up', async () => {
    const [blind, frozen] = await Promise.all([
      AccessScenario.open({ hub, gateway: Cut.postgres, api }),
      AccessScenario.open({ hub, gateway: Cut.redis, api }),
    ]);
    const gateway = hub.gateway(Cut.redis);
    postgresOnly.cut();
    gateway.freeze();
    try {
      await Promise.all([blind.change(), frozen.change()]);
      // The rule's two seconds, and a moment.
      await delay(2500);
      expect(await blind.speak()).toBe('NOT_STORED');
      const answer = frozen.speak();
      gateway.thaw();
      expect(await answer).toMatch(/^(FORBIDDEN|NOT_JOINED)$/);
    } finally {
      gateway.thaw();
      postgresOnly.heal();
    }
    await Promise.all([blind.settled(), frozen.settled()]);
    expect([...blind.faults(), ...frozen.faults()]).toEqual([]);
  }, 240_000);

  it('[A11] is not missed where it is committed late and the gateway stands still', async () => {
    const gateway = hub.gateway(Cut.none);
    const come = (name: string) => hub.client(hub.name(name));
    const [owner, first, second, third] = await Promise.all([come('owner'), come('first'), come('second'), come('third')]);
    const { room } = await json(await api.post('/rooms', { name: 'g', kind: 'group', members: [third.user] }, bearer(owner.user)));
    await third.join(room);
    const end = 'INSERT INTO sanctions (kind, subject, reason, at, until) VALUES ($1, $2, $3, $4, $5)';
    const disconnect = (user: string) => ['disconnect', user, '', Date.now(), Date.now() + 600_000];
    const late = new pg.Client({ connectionString: database.url });
    await late.connect();
    try {
      await late.query('BEGIN');
      await late.query(end, disconnect(second.user));
      await late.query('DELETE FROM room_members WHERE room = $1 AND user_id = $2', [room, third.user]);
      // A number above it is committed, and seen.
      await database.query(end, disconnect(first.user));
      expect(await first.closed).toMatchObject({ code: 4510 });
      gateway.freeze();
      // As if it had been open for a minute: longer than anybody would look back.
      for (const table of ['sanctions', 'room_changes'])
        await late.query(`UPDATE ${table} SET added_at = added_at - interval '1 minute' WHERE xid = pg_current_xact_id()`);
      await late.query('COMMIT');
    } finally {
      gateway.thaw();
      await late.end();
    }
    expect(await second.closed).toMatchObject({ code: 4510 });
    await third.waitFor('left', (frame) => frame.room === room);
  }, 120_000);
});
