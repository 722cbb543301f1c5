import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ResyncEvent } from '#libs/client/index.ts';
import type { GatewayProcess } from '#test/support/gateway-process.ts';
import { compareLedgers } from '#test/support/ledger.ts';
import { PostgresDatabase, startPostgres } from '#test/support/postgres.ts';
import type { PostgresServer } from '#test/support/postgres-server.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { messageOf, type ServerFrame } from '#test/support/server-frame.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

const LONG = { timeoutMs: 40_000 };

let postgres: PostgresServer;
let database: PostgresDatabase;
let hub: TestHub<RedisServer>;
TestHub.showLogs(() => hub);

beforeAll(async () => {
  postgres = await startPostgres();
  database = await PostgresDatabase.create({ adminUrl: postgres.url });
  hub = await TestHub.start(await RedisServer.start(), { gateways: 2, env: { DATABASE_URL: database.url } });
});
afterEach(async () => {
  postgres.thaw();
  await postgres.start();
  await hub.clear();
});
afterAll(async () => {
  await hub?.stop();
  await postgres?.stop();
});

const storeUp = (gateway: GatewayProcess): Promise<number> => gateway.metric('parley_store_up');
const ready = async (gateway: GatewayProcess): Promise<boolean> => (await fetch(`${gateway.adminUrl}/readyz`)).status === 200;

/** Both gateways have noticed. */
async function noticed(up: 0 | 1): Promise<void> {
  await until(async () => (await Promise.all(hub.gateways.map(storeUp))).every((value) => value === up), {
    ...LONG,
    describe: `parley_store_up is ${up} everywhere`,
  });
}

/** What one message of these gets. */
async function refusal(asked: Promise<unknown>): Promise<unknown> {
  return asked.then(
    () => 'answered',
    (error: unknown) => error,
  );
}

const AWAY: Readonly<Record<string, () => Promise<void> | void>> = {
  killed: () => postgres.kill9(),
  'stopped in order': () => postgres.shutDown(),
  frozen: () => postgres.freeze(),
};

describe.each(Object.entries(AWAY))('Postgres is %s', (how, go) => {
  it('[M1] park is not stored, history not read, everything else goes on; and all of it by itself when it is back', async () => {
    const [open, live] = [hub.name('room'), `live:${hub.name('room')}`];
    const [ada, bob] = [await hub.client(hub.name('ada'), 0), await hub.client(hub.name('bob'), 1)];
    for (const client of [ada, bob]) for (const room of ['park', open, live]) await client.join(room);
    const eve = await hub.staying(hub.name('eve'), 1);
    await eve.client.join('park');
    const { offset: before = 0 } = await eve.say('park', `${how}: before`);
    await go();
    const lost = refusal(ada.message('park', `${how}: away`, { id: `away ${how}` }));
    await noticed(0);
    expect(await lost).toMatchObject({ code: 'NOT_STORED', frame: { retryable: true } });
    const held = eve.say('park', `${how}: held back`);
    expect(await refusal(bob.message('park', 'nor from here'))).toMatchObject({ code: 'NOT_STORED', frame: { retryable: true } });
    expect(await refusal(bob.history('park'))).toMatchObject({ code: 'UNAVAILABLE', frame: { retryable: true } });
    // Rooms that are not stored, and people who come and go.
    const late = await hub.client(hub.name('late'), 0);
    for (const room of ['park', open, live]) expect((await late.join(room)).type).toBe('joined');
    for (const client of [ada, bob, late]) {
      expect(messageOf(await client.message(open, `${how}: open from ${client.user}`)).offset).toBeGreaterThan(0);
      await client.message(live, `${how}: live from ${client.user}`);
    }
    for (const client of [ada, bob, late]) {
      for (const other of [ada, bob, late]) {
        for (const kind of ['open', 'live']) {
          await client.waitFor('message', (frame) => messageOf(frame).text === `${how}: ${kind} from ${other.user}`);
        }
      }
    }
    expect(await Promise.all(hub.gateways.map(ready))).toEqual([true, true]);
    postgres.thaw();
    await postgres.start();
    const again = await until(() => ada.message('park', `${how}: away`, { id: `away ${how}` }), LONG);
    for (const offset of [messageOf(again).offset, (await held).offset]) expect(offset).toBeGreaterThan(before);
    const mine = [`${how}: away`, `${how}: held back`];
    const texts = async (): Promise<unknown[]> => (await bob.history('park')).messages?.map(({ message }) => message.text) ?? [];
    await until(async () => (await texts()).filter((text) => mine.includes(String(text))).length >= mine.length, LONG);
    expect((await texts()).filter((text) => mine.includes(String(text))).sort()).toEqual(mine);
    await noticed(1);
    await until(() => new Set([ada, bob, eve].map(({ ledger }) => ledger.position('park')?.offset)).size === 1);
    expect(eve.closes).toEqual([]);
    expect(eve.ledger.violations).toEqual([]);
    expect(compareLedgers([ada.ledger, bob.ledger, late.ledger], open).violations).toEqual([]);
    expect(hub.gateways.map(({ ended }) => ended)).toEqual([false, false]);
  });
});

describe('Postgres is frozen', () => {
  it('[M1] [M2] a crowd that waits for the park does not hold back those who talk elsewhere, and its retries are stored, each once', async () => {
    const open = hub.name('room');
    const crowd = await Promise.all(Array.from({ length: 150 }, () => hub.client(hub.name('c'), 0, { record: false })));
    await Promise.all(crowd.map((client) => client.join('park')));
    const ada = await hub.client(hub.name('ada'), 0);
    await ada.join(open);
    postgres.freeze();
    const said = [...crowd, ...crowd].map((client, i) => {
      const id = randomUUID();
      return (): Promise<ServerFrame> => client.message('park', `waits ${i}`, { id });
    });
    const waiting = said.slice(0, crowd.length).map((say) => refusal(say()));
    await Promise.race(waiting);
    // All of them answered late or not yet.
    const more = said.slice(crowd.length).map((say) => refusal(say()));
    for (let i = 0; i < 20; i += 1) expect((await ada.message(open, `goes on ${i}`)).type).toBe('ack');
    const codes = await Promise.all([...waiting, ...more]);
    for (const code of codes) expect(code).toMatchObject({ frame: { retryable: true } });
    postgres.thaw();
    // Some were shown and not stored: without a retry, the next loss of Redis would leave holes.
    const acks = await Promise.all(said.map((say) => until(say, LONG)));
    expect(new Set(acks.map((ack) => messageOf(ack).offset)).size).toBe(said.length);
  });
});

describe('Postgres is away and Redis is lost', () => {
  it('[R3] open rooms and new connections go on; the park comes back with Postgres, above what is stored', async () => {
    const open = hub.name('room');
    const [ada, bob] = [await hub.staying(hub.name('ada'), 0), await hub.staying(hub.name('bob'), 1)];
    for (const { client } of [ada, bob]) for (const room of ['park', open]) await client.join(room);
    const { offset: top } = await ada.say('park', 'stored before all that');
    await postgres.kill9();
    await noticed(0);
    const toldOf = (name: string): Promise<ResyncEvent[]> => {
      return Promise.all([ada, bob].map((client) => client.next('resync', ({ room }) => room === name, LONG.timeoutMs)));
    };
    const [opened, parked] = [toldOf(open), toldOf('park')];
    await hub.backend.restartEmpty();
    await opened;
    await until(async () => (await Promise.all(hub.gateways.map(ready))).every(Boolean), {
      ...LONG,
      describe: 'ready, though the park waits',
    });
    const late = await hub.client(hub.name('late'), 1);
    await late.join(open);
    await ada.say(open, 'goes on');
    await late.waitFor('message', (frame) => messageOf(frame).text === 'goes on');
    await bob.until('message', () => bob.texts(open).includes('goes on'));
    await postgres.start();
    for (const { offset, messages } of await parked) {
      expect(offset).toBe(top);
      expect(messages.at(-1)?.message.text).toBe('stored before all that');
    }
    expect((await ada.say('park', 'and on')).offset).toBeGreaterThan(top ?? Number.NaN);
    expect([...ada.closes, ...bob.closes]).toEqual([]);
    expect([...ada.ledger.violations, ...bob.ledger.violations]).toEqual([]);
  });
});
