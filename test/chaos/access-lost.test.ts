import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '#libs/store/store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { AccessScenario, SERVICE_KEY } from '#test/support/access-scenario.ts';
import { ApiProcess } from '#test/support/api-process.ts';
import { signToken } from '#test/support/jwt.ts';
import { PostgresDatabase, startPostgres } from '#test/support/postgres.ts';
import type { PostgresServer } from '#test/support/postgres-server.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestHub } from '#test/support/test-hub.ts';

/** Several gateways and an API over backends of their own, and what a worker's death leaves done. */
interface Site {
  readonly hub: TestHub<RedisServer>;
  readonly api: ApiProcess;
  readonly store: Store;
}

let redis: RedisServer;
let database: PostgresDatabase;
let hub: TestHub<RedisServer>;
/** Each stands between one process and one backend. */
const proxies: TcpProxy[] = [];
const cleanUps: (() => unknown)[] = [];
let whole: Site;
/** Their ways to one backend can be cut off. */
let withoutRedis: ApiProcess;
let withoutPostgres: ApiProcess;
/** Sites whose whole Redis, and whose whole PostgreSQL, can be lost. */
let ofRedis: Site;
let ofPostgres: Site;
let frailPostgres: PostgresServer;
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

/** Ends with the file. */
async function startApi(env: Readonly<Record<string, string>>): Promise<ApiProcess> {
  const api = await ApiProcess.start({ ...env, API_KEYS: `warden:${SERVICE_KEY}` });
  cleanUps.push(() => api.kill9());
  return api;
}

async function openSite(redisOfSite: RedisServer, databaseUrl?: string): Promise<Site> {
  const ofHub = await TestHub.start(redisOfSite, {
    gateways: 1,
    ...(databaseUrl === undefined ? {} : { env: { DATABASE_URL: databaseUrl } }),
  });
  cleanUps.push(() => ofHub.stop());
  const url = databaseUrl ?? ofHub.database.url;
  const [api, store] = await Promise.all([startApi({ REDIS_URL: redisOfSite.url, DATABASE_URL: url }), openStore({ url })]);
  cleanUps.push(() => store.close());
  return { hub: ofHub, api, store };
}

let redisOnly: TcpProxy;
let postgresOnly: TcpProxy;
let both: readonly TcpProxy[];
let apiToRedis: TcpProxy;
let apiToPostgres: TcpProxy;

beforeAll(async () => {
  const [ofAll, ofOne, ofOther, frail] = await Promise.all([
    RedisServer.start(),
    RedisServer.start(),
    RedisServer.start(),
    startPostgres(),
  ]);
  redis = ofAll;
  frailPostgres = frail;
  cleanUps.push(() => frail.stop());
  const frailDatabase = await PostgresDatabase.create({ adminUrl: frail.url });
  hub = await TestHub.start(redis, { gateways: 1 });
  cleanUps.push(() => hub.stop());
  database = hub.database;
  const [r1, p2, r3, p3, r4, p5] = await Promise.all([
    through(redis.url),
    through(database.url),
    through(redis.url),
    through(database.url),
    through(redis.url),
    through(database.url),
  ]);
  redisOnly = r1.proxy;
  postgresOnly = p2.proxy;
  both = [r3.proxy, p3.proxy];
  apiToRedis = r4.proxy;
  apiToPostgres = p5.proxy;
  // In this order: their places are `Cut`.
  await hub.add({ REDIS_URL: r1.url });
  await hub.add({ DATABASE_URL: p2.url });
  await hub.add({ REDIS_URL: r3.url, DATABASE_URL: p3.url });
  const env = { REDIS_URL: redis.url, DATABASE_URL: database.url };
  const [api, store] = await Promise.all([startApi(env), openStore({ url: database.url })]);
  cleanUps.push(() => store.close());
  whole = { hub, api, store };
  [withoutRedis, withoutPostgres, ofRedis, ofPostgres] = await Promise.all([
    startApi({ ...env, REDIS_URL: r4.url }),
    startApi({ ...env, DATABASE_URL: p5.url }),
    openSite(ofOne),
    openSite(ofOther, frailDatabase.url),
  ]);
  // Eleven programs and five servers.
}, 360_000);
afterAll(async () => {
  for (const proxy of proxies) proxy.heal();
  ofRedis?.hub.backend.resume();
  frailPostgres?.thaw();
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
  await Promise.all(proxies.map((proxy) => proxy.stop()));
});

/** Something goes away, and comes back. */
interface Loss {
  readonly begin: () => unknown;
  readonly end: () => unknown;
}

/** A line that is down, or, for a second, one that tells so. */
function cutting(cut: readonly TcpProxy[], seconds: number): Loss {
  return {
    begin: () => {
      for (const proxy of cut) {
        if (seconds > 1) proxy.cut();
        else proxy.refuse();
      }
    },
    end: () => {
      for (const proxy of cut) proxy.heal();
    },
  };
}

describe('[R7] access that is lost while something is away', () => {
  const scenarios: AccessScenario[] = [];

  interface Round extends Loss {
    readonly what: string;
    readonly place: Site & { readonly gateway: number };
    readonly seconds: number;
    /** Changes that come just before the loss; the others begin in it. */
    readonly before?: number;
    /** The gateway cannot see what happens meanwhile: somebody is removed, and taken back. */
    readonly hidden?: boolean;
  }

  const round = (one: Round): Promise<void> =>
    play(one).catch((error: unknown) => {
      throw new Error(`${one.what} for ${one.seconds} s: ${error}`, { cause: error });
    });

  async function play({ place, begin, end, seconds, before = 0, hidden = false }: Round): Promise<void> {
    const scenario = await AccessScenario.open(place);
    scenarios.push(scenario);
    const { changes } = scenario;
    for (const change of changes.slice(0, before)) await change();
    await begin();
    const over = delay(seconds * 1000);
    const others = Promise.all(changes.slice(before).map((change) => change()));
    try {
      if (hidden) {
        await others;
        await scenario.removeAndTakeBack();
      }
      await over;
    } finally {
      await end();
    }
    await others;
    await scenario.settled();
  }

  it.each([1, 5, 15])(
    'holds everywhere soon: single ways to Redis and PostgreSQL, or all of either, lost for %i s',
    async (seconds) => {
      const at = (gateway: number, api = whole.api) => ({ ...whole, api, gateway });
      const redisSite = { ...ofRedis, gateway: 0 };
      const postgresSite = { ...ofPostgres, gateway: 0 };
      const { backend } = ofRedis.hub;
      await Promise.all([
        round({ what: 'a gateway without Redis', place: at(Cut.redis), ...cutting([redisOnly], seconds), seconds }),
        round({
          what: 'a gateway without PostgreSQL',
          place: at(Cut.postgres),
          ...cutting([postgresOnly], seconds),
          seconds,
          hidden: true,
        }),
        round({ what: 'a gateway without either', place: at(Cut.both), ...cutting(both, seconds), seconds, hidden: true }),
        round({ what: 'an API without Redis', place: at(Cut.none, withoutRedis), ...cutting([apiToRedis], seconds), seconds }),
        round({
          what: 'an API without PostgreSQL',
          place: at(Cut.none, withoutPostgres),
          ...cutting([apiToPostgres], seconds),
          seconds,
          before: 3,
        }),
        round({
          what: 'Redis frozen',
          place: redisSite,
          begin: () => backend.pause(),
          end: () => backend.resume(),
          seconds,
          before: 3,
        }).then(() =>
          round({
            what: 'Redis lost',
            place: redisSite,
            begin: () => backend.kill(),
            end: () => backend.restartEmpty(),
            seconds,
            before: 3,
          }),
        ),
        round({
          what: 'PostgreSQL frozen',
          place: postgresSite,
          begin: () => frailPostgres.freeze(),
          end: () => frailPostgres.thaw(),
          seconds,
          before: 3,
        }).then(() =>
          round({
            what: 'PostgreSQL killed',
            place: postgresSite,
            begin: () => frailPostgres.kill9(),
            end: () => frailPostgres.start(),
            seconds,
            before: 3,
          }),
        ),
      ]);
    },
    240_000,
  );

  it('is told once, and puts nobody out who belongs there', () => {
    expect(scenarios).toHaveLength(27);
    expect(scenarios.flatMap((scenario) => scenario.faults())).toEqual([]);
  });

  it('lets nobody speak on a gateway that cannot know, and nobody who wakes up', async () => {
    const [blind, frozen] = await Promise.all([
      AccessScenario.open({ ...whole, gateway: Cut.postgres }),
      AccessScenario.open({ ...whole, gateway: Cut.redis }),
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
    const { room } = await json(await whole.api.post('/rooms', { name: 'g', kind: 'group', members: [third.user] }, bearer(owner.user)));
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
      for (const table of ['sanctions', 'events'])
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
