import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StoredMessage } from '#libs/store/message-store.ts';
import { migrate } from '#libs/store/migrate.ts';
import type { Store } from '#libs/store/store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { GatewayProcess } from '#test/support/gateway-process.ts';
import { PgBouncer } from '#test/support/pgbouncer.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { until } from '#test/support/wait.ts';

const TIMEOUT_MS = 1500;

const message = (offset: number): StoredMessage => ({
  room: 'group:p',
  offset,
  epoch: 'e',
  id: `m${offset}`,
  sender: '{}',
  text: 'x',
  data: undefined,
  at: Date.now(),
});

describe.each([
  ['transaction pooling', { pool_mode: 'transaction' }],
  ['session pooling', { pool_mode: 'session' }],
  [
    'transaction pooling that passes start-up parameters over',
    { pool_mode: 'transaction', ignore_startup_parameters: 'statement_timeout,idle_in_transaction_session_timeout' },
  ],
])('pgbouncer with %s', (_, settings) => {
  let database: PostgresDatabase;
  let bouncer: PgBouncer;
  let store: Store;

  beforeAll(async () => {
    database = await PostgresDatabase.create({ empty: true });
    bouncer = await PgBouncer.start(database.url, settings);
    store = await openStore({ url: bouncer.urlOf(database.url), timeoutMs: TIMEOUT_MS, poolSize: 4 });
    return async () => {
      await store.close();
      await bouncer.stop();
      await database.drop();
    };
  });

  test('three that migrate at once run each migration once', async () => {
    const ran = await Promise.all(Array.from({ length: 3 }, () => migrate(bouncer.urlOf(database.url))));
    const once = ran.flat();
    expect(once.length).toBeGreaterThan(0);
    expect(new Set(once).size).toBe(once.length);
    expect(await migrate(bouncer.urlOf(database.url))).toEqual([]);
  });

  test('the store reads, writes and runs transactions, many at once', async () => {
    await Promise.all(Array.from({ length: 200 }, (_, i) => store.messages.append(message(i + 1))));
    expect((await store.messages.after('group:p', 0, 1000)).map(({ offset }) => offset)).toEqual(
      Array.from({ length: 200 }, (_, i) => i + 1),
    );
    const user = { id: 'ada', name: 'Ada' };
    const pairing = { user, keepHistory: true, candidates: [], room: 'pair:p', now: 1, expiresAt: 2 };
    expect(await store.pairs.match(pairing)).toEqual({ state: 'waiting' });
  });

  test('a statement that waits for a lock is ended by the server, and nobody else inherits the limit', async () => {
    const held = database.query('BEGIN; SELECT pg_advisory_xact_lock(7250113, 2); SELECT pg_sleep(600)').catch(() => undefined);
    const waiting = async (): Promise<number> =>
      (await database.query(`SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`)).length;
    await until(async () => (await database.query(`SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted`)).length > 0);
    const pairing = { user: { id: 'eve', name: 'Eve' }, keepHistory: true, candidates: [], room: 'pair:q', now: 1, expiresAt: 2 };
    await expect(store.pairs.match(pairing)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await until(async () => (await waiting()) === 0);
    await database.query(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = 2`);
    await held;
    const plain = await openStore({ url: bouncer.urlOf(database.url), timeoutMs: 20_000, poolSize: 4 });
    await Promise.all(Array.from({ length: 8 }, () => plain.ping()));
    await plain.close();
    expect(await store.pairs.match(pairing)).toMatchObject({ state: 'paired', with: { id: 'ada' } });
  });
});

describe('a gateway behind pgbouncer', () => {
  let redis: RedisServer;
  let database: PostgresDatabase;
  let bouncer: PgBouncer;

  beforeAll(async () => {
    [redis, database] = await Promise.all([RedisServer.start(), PostgresDatabase.create()]);
    bouncer = await PgBouncer.start(database.url, { pool_mode: 'transaction' });
  });

  afterAll(async () => {
    await bouncer.stop();
    await Promise.all([redis.stop(), database.drop()]);
  });

  test('is ready, and has its database', async () => {
    const gateway = await GatewayProcess.start({ REDIS_URL: redis.url, DATABASE_URL: bouncer.urlOf(database.url) });
    try {
      await until(async () => (await gateway.metric('parley_store_up')) === 1);
      await until(async () => (await fetch(`${gateway.adminUrl}/readyz`)).status === 200);
    } finally {
      await gateway.kill9();
    }
  });
});
