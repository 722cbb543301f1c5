import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Connections } from '#libs/store/connections.ts';
import { Database } from '#libs/store/database.ts';
import type { StoredMessage } from '#libs/store/message-store.ts';
import { migrate } from '#libs/store/migrate.ts';
import type { Store } from '#libs/store/store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { PostgresServer, REPLICATED } from '#test/support/postgres-server.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { until } from '#test/support/wait.ts';

const TIMEOUT_MS = 1500;
/** What an operator is promised, and what a busy machine may add. */
const BACK_MS = 5000 + 3000;

let primary: PostgresServer;
let standby: PostgresServer;
const stores: Store[] = [];
let offset = 0;

beforeAll(async () => {
  primary = await PostgresServer.start({ settings: REPLICATED });
  await migrate(primary.url);
  standby = await primary.standby();
});

afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
});

afterAll(async () => {
  await Promise.all([primary.stop(), standby.stop()]);
});

async function open(url: string): Promise<Store> {
  const store = await openStore({ url, timeoutMs: TIMEOUT_MS });
  stores.push(store);
  return store;
}

function message(): StoredMessage {
  offset += 1;
  return { room: 'group:f', offset, epoch: 'e', id: `m${offset}`, sender: '{}', text: 'x', data: undefined, at: Date.now() };
}

const write = (store: Store): Promise<unknown> => store.messages.append(message());

/** Somebody writes all the time: no connection is idle for long. */
async function expectWritesWithin(store: Store): Promise<void> {
  await until(() => write(store).then(() => true), { timeoutMs: BACK_MS });
  // Every connection of the pool, not a lucky one.
  await Promise.all(Array.from({ length: 40 }, () => write(store)));
}

/** Fills the pool. */
const readOften = (store: Store): Promise<unknown> => Promise.allSettled(Array.from({ length: 20 }, () => store.messages.top('group:f')));

function urlOf(...ports: readonly number[]): string {
  return `postgres://parley:test@${ports.map((port) => `127.0.0.1:${port}`).join(',')}/postgres`;
}

test('of several servers the one that takes writes is used, wherever it stands in the URL', async () => {
  for (const url of [urlOf(standby.port, primary.port), urlOf(1, standby.port, primary.port), urlOf(primary.port, standby.port)]) {
    await write(await open(`${url}?target_session_attrs=read-write`));
    expect(await migrate(url)).toEqual([]);
  }
  const reader = await open(`${urlOf(standby.port)}?target_session_attrs=any`);
  expect(await reader.messages.top('group:f')).toBeGreaterThanOrEqual(0);
  await expect(write(reader)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

test('an address that led to a standby for a while: its connections are left once the writable server is back', async () => {
  const proxy = await TcpProxy.start({ target: primary.port });
  try {
    const store = await open(urlOf(proxy.port));
    await expectWritesWithin(store);
    proxy.retarget(standby.port);
    proxy.sever();
    await until(() =>
      write(store).then(
        () => false,
        (error: unknown) => String(error).length > 0,
      ),
    );
    await readOften(store);
    proxy.retarget(primary.port);
    await expectWritesWithin(store);
  } finally {
    await proxy.stop();
  }
});

test('a server that turns read-only under its connections is left, and written to again when it turns back', async () => {
  const store = await open(urlOf(primary.port));
  await expectWritesWithin(store);
  await readOften(store);
  const readOnly = async (value: 'on' | 'off'): Promise<void> => {
    await primary.query(`ALTER SYSTEM SET default_transaction_read_only = ${value}`);
    await primary.query('SELECT pg_reload_conf()');
  };
  await readOnly('on');
  await until(() =>
    write(store).then(
      () => false,
      (error: unknown) => String(error).length > 0,
    ),
  );
  await readOnly('off');
  await expectWritesWithin(store);
});

test('of several servers one that is only busy is not left: whoever has no time rejects, and who waits gets the next connection', async () => {
  const options = { poolSize: 2, connectMs: 20_000, limits: undefined, applicationName: 'busy', onError: () => undefined };
  const connections = new Connections({ ...options, url: urlOf(primary.port, standby.port) });
  try {
    const soon = () => performance.now() + 20_000;
    const [first, second] = await Promise.all([connections.acquire(soon()), connections.acquire(soon())]);
    const waiting = connections.acquire(soon());
    await expect(connections.acquire(performance.now() + 5)).rejects.toThrow('no connection in time');
    connections.release(first, 'keep');
    expect(await waiting).toBe(first);
    connections.release(first, 'keep');
    connections.release(second, 'keep');
  } finally {
    await connections.close();
  }
});

test('a statement that is given up closes its connection, and none of those beside it', async () => {
  for (const url of [urlOf(primary.port), urlOf(primary.port, standby.port)]) {
    const database = new Database({ url, pool: 'general', poolSize: 2, timeoutMs: 20_000 });
    try {
      const pid = () =>
        database.use(async (query) => (await query<{ pid: number }>('SELECT pg_backend_pid() AS pid, pg_sleep(0.1)'))[0]?.pid);
      const pids = await Promise.all([pid(), pid()]);
      expect(new Set(pids).size).toBe(2);
      const given = database.query('SELECT pg_sleep(600)', [], { deadline: performance.now() + 100 });
      await expect(given).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect(pids).toContain(await pid());
    } finally {
      await database.close();
    }
  }
});

test('a standby that is promoted is written to within 5 s, though the old server keeps its connections and answers nothing', async () => {
  const store = await open(urlOf(primary.port, standby.port));
  await expectWritesWithin(store);
  await readOften(store);
  primary.freeze();
  await expect(write(store)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await standby.promote();
  await expectWritesWithin(store);
});
