import { hash, randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BrokerRedis } from '#libs/broker/broker-redis.ts';
import { MessageArchive } from '#libs/messages/message-archive.ts';
import { RedisKeys } from '#libs/redis/keys.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import type { Store } from '#libs/store/store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { StreamSweep } from '#services/worker/stream-sweep.ts';
import { acked } from '#test/support/acked.ts';
import { WatchedBackground } from '#test/support/background.ts';
import { ChatClient } from '#test/support/chat-client.ts';
import { compareLedgers } from '#test/support/ledger.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { messageOf } from '#test/support/server-frame.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

/** The stream of a room is cut in blocks of 100 entries. */
const STREAM_MAX = 10;
const MISSED = 320;
const LONG = { timeoutMs: 40_000 };
const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

let redis: RedisServer;
let proxy: TcpProxy;
let hub: TestHub<RedisServer>;
TestHub.showLogs(() => hub);

beforeAll(async () => {
  redis = await RedisServer.start();
  proxy = await TcpProxy.start({ target: redis.port });
  hub = await TestHub.start(redis, { gateways: 1, env: { STREAM_MAX_MESSAGES: String(STREAM_MAX) } });
  await hub.add({ REDIS_URL: `redis://127.0.0.1:${proxy.port}` });
});
afterEach(() => hub.clear());
afterAll(async () => {
  await hub?.stop();
  await proxy?.stop();
});

describe('a gateway that was cut off from Redis', () => {
  it('[M4] [M5] fills from Postgres what the stream no longer has, and nobody is told of a loss', async () => {
    const ada = await hub.client(hub.name('ada'), 0);
    const bob = await hub.client(hub.name('bob'), 1);
    for (const client of [ada, bob]) await client.join('park');
    await acked(ada, 'park', 'first');
    await bob.waitFor('message', (frame) => messageOf(frame).text === 'first');
    const since = bob.ledger.position('park') ?? { epoch: '', offset: 0 };
    proxy.refuse();
    for (let i = 0; i < MISSED; i += 20) {
      await Promise.all(Array.from({ length: 20 }, (_, n) => acked(ada, 'park', `missed ${i + n}`)));
    }
    const kept = await redis.command('XLEN', new RedisKeys('parley', false).stream('park'));
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(MISSED - 50);
    proxy.heal();
    const goal = since.offset + MISSED;
    await until(() => bob.ledger.position('park')?.offset === goal, {
      ...LONG,
      describe: () => `bob at ${bob.ledger.position('park')?.offset}`,
    });
    expect(bob.of('resync')).toEqual([]);
    expect(compareLedgers([ada.ledger, bob.ledger], 'park')).toMatchObject({ violations: [], told: 0 });
    expect(bob.closes).toEqual([]);
    // Who was away gets the same, in pages.
    const late = await hub.client(hub.name('late'), 0);
    late.ledger.frame({ type: 'joined', room: 'park', ...since, recovered: false, messages: [], more: false });
    await late.join('park', since);
    await until(() => late.ledger.position('park')?.offset === goal, LONG);
    expect(late.of('joined').every(({ recovered }) => recovered === true)).toBe(true);
    expect(late.ledger.violations).toEqual([]);
    expect(late.ledger.received).toBe(MISSED);
  });

  it('[M2] knows what was stored before Redis was lost: the same ack on any node, and nobody is shown it again', async () => {
    const ada = await hub.client(hub.name('ada'), 0);
    const bob = await hub.client(hub.name('bob'), 1);
    for (const client of [ada, bob]) await client.join('park');
    const id = randomUUID();
    const text = `once ${id}`;
    const ack = await acked(ada, 'park', text, id);
    await bob.waitFor('message', (frame) => messageOf(frame).text === text);
    const mark = bob.mark();
    await redis.restartEmpty();
    await bob.waitFor('resync', undefined, { from: mark, ...LONG });
    for (const gateway of [1, 0]) {
      await until(() => ada.reconnect(hub.gateway(gateway).url), LONG);
      const again = await until(() => ada.message('park', text, { id }), LONG);
      expect(again.message).toEqual(ack.message);
    }
    await acked(ada, 'park', `after ${id}`);
    await bob.waitFor('message', (frame) => messageOf(frame).text === `after ${id}`, LONG);
    expect(bob.of('message', mark).filter((frame) => messageOf(frame).text === text)).toEqual([]);
  });

  it('[M3] offsets never fall over a loss of Redis in rooms that keep history, though they begin anew in others', async () => {
    const open = hub.name('room');
    const ada = await hub.staying(hub.name('ada'), 0);
    for (const room of ['park', open]) await ada.client.join(room);
    const offsets: number[] = [];
    const epochs = new Set<string | undefined>();
    for (let loss = 0; loss < 3; loss += 1) {
      for (let i = 0; i < 5; i += 1) offsets.push((await ada.say('park', `loss ${loss}, ${i}`)).offset ?? 0);
      await ada.say(open, 'x');
      // From before the restart on: it may be told as soon as Redis is back, sooner than that resolves.
      const seen = ada.ledger.told('park') + 1;
      if (loss === 1) {
        await redis.save();
        for (let i = 0; i < 5; i += 1) offsets.push((await ada.say('park', `after the snapshot ${i}`)).offset ?? 0);
        await redis.restartFromSnapshot();
      } else await redis.restartEmpty();
      await until(() => ada.ledger.told('park') >= seen, { ...LONG, describe: 'ada is told' });
      epochs.add(ada.ledger.position('park')?.epoch);
      expect(ada.ledger.position('park')?.offset).toBe(offsets.at(-1));
      offsets.push((await ada.say('park', `back from loss ${loss}`)).offset ?? 0);
    }
    expect(offsets).toEqual(offsets.map((_, i) => (offsets[0] ?? 0) + i));
    expect(epochs.size).toBe(3);
    expect((await ada.say(open, 'y')).offset).toBe(1);
    expect((await ada.client.history('park', { before: (offsets[7] ?? 0) + 1, limit: 5 })).messages.map(({ offset }) => offset)).toEqual(
      offsets.slice(3, 8),
    );
    expect(ada.ledger.violations).toEqual([]);
  });
});

describe('the sweep of streams', () => {
  let store: Store;
  let link: RedisLink;
  let broker: BrokerRedis;

  beforeAll(async () => {
    store = await openStore({ url: hub.database.url });
    link = RedisLink.open(redis.url, { prefix: 'parley:', log: SILENT });
    await link.ready(20_000);
    broker = new BrokerRedis(link, { archive: new MessageArchive(store.messages) });
  });
  afterAll(async () => {
    await broker?.close();
    await link?.close();
    await store?.close();
  });

  function newSweep(): StreamSweep {
    return new StreamSweep({
      broker,
      rooms: store.rooms,
      messages: store.messages,
      log: SILENT as never,
      background: new WatchedBackground(),
      now: Date.now,
      graceMs: 200,
    });
  }

  /** Sweeps until something was found, and resolves with how much. */
  function firstFound(sweep: StreamSweep): Promise<number> {
    return until(async () => (await sweep.run()) || undefined, LONG);
  }

  /** A direct room that has been silent since yesterday. */
  async function direct(one: string, other: string): Promise<string> {
    const room = `dm:${hash('sha256', [one, other].toSorted().join('\0'), 'base64url').slice(0, 22)}`;
    const members = [one, other].map((id) => ({ id, name: id }));
    await store.rooms.create({ room, kind: 'dm', title: '', owner: '', keepHistory: true, createdAt: 1, expiresAt: undefined }, members);
    const yesterday = { room, offset: 1, epoch: 'e', id: randomUUID(), text: 'yesterday', data: undefined, at: Date.now() - 86_400_000 };
    await store.messages.append({ ...yesterday, sender: JSON.stringify(members[0]) });
    await hub.database.query('DELETE FROM message_keys');
    for (const member of [one, other]) await store.cursors.advance(member, room, 1);
    return room;
  }

  /** Ada says something in the room on a gateway that does not live to store it. */
  async function saysAndDies(ada: string, room: string, text: string): Promise<void> {
    const victim = await hub.add({ FAIL_POINTS: 'after-publish=kill' });
    const client = await ChatClient.connect(victim.url, ada);
    await expect(client.message(room, text, { id: randomUUID() })).rejects.toThrow('connection ended');
    await victim.exited;
  }

  const textsIn = (client: ChatClient, room: string): (string | undefined)[] =>
    client.of('message').flatMap((frame) => (frame.room === room ? [messageOf(frame).text] : []));

  it('[M1] [R5] what a gateway did not live to store reaches the open sessions of members with the sweep, once', async () => {
    const [ada, bob] = [hub.name('ada'), hub.name('bob')];
    const room = await direct(ada, bob);
    const [there, joined, sender] = [await hub.client(bob, 0), await hub.client(bob, 1), await hub.client(ada, 1)];
    await joined.join(room);
    await saysAndDies(ada, room, 'shown to nobody');
    expect(await firstFound(newSweep())).toBe(1);
    for (const client of [there, joined, sender])
      await client.waitFor('message', (frame) => messageOf(frame).text === 'shown to nobody', LONG);
    // Another worker, at the same time or later.
    expect(await newSweep().run()).toBe(0);
    await sender.message(room, 'the next one');
    for (const client of [there, joined, sender]) {
      await client.waitFor('message', (frame) => messageOf(frame).text === 'the next one', LONG);
      expect(textsIn(client, room)).toEqual(['shown to nobody', 'the next one']);
    }
    expect((await there.history(room, { limit: 3 })).messages?.map(({ message }) => message.text)).toEqual([
      'yesterday',
      'shown to nobody',
      'the next one',
    ]);
  });

  it('[M4] [R5] what came with the next message before the sweep stored it does not come again', async () => {
    const [ada, bob] = [hub.name('ada'), hub.name('bob')];
    const room = await direct(ada, bob);
    const [receiver, sender] = [await hub.client(bob, 0), await hub.client(ada, 1)];
    await saysAndDies(ada, room, 'shown to nobody');
    await sender.message(room, 'the next one');
    await receiver.waitFor('message', (frame) => messageOf(frame).text === 'the next one', LONG);
    expect(textsIn(receiver, room)).toEqual(['shown to nobody', 'the next one']);
    expect(await firstFound(newSweep())).toBe(1);
    await sender.message(room, 'after the sweep');
    await receiver.waitFor('message', (frame) => messageOf(frame).text === 'after the sweep', LONG);
    expect(textsIn(receiver, room)).toEqual(['shown to nobody', 'the next one', 'after the sweep']);
  });

  it('[M1] what a gateway showed and did not live to store is stored, as it was shown, though its sender never comes back', async () => {
    const bob = await hub.client(hub.name('bob'), 0);
    await bob.join('park');
    const victim = await hub.add({ FAIL_POINTS: 'after-publish@2=kill' });
    const ada = await ChatClient.connect(victim.url, hub.name('ada'));
    await ada.join('park');
    await ada.message('park', 'stored by the gateway');
    await expect(ada.message('park', 'shown only', { data: { deep: [1, 'ä'] } })).rejects.toThrow('connection ended');
    await victim.exited;
    const shown = await bob.waitFor('message', (frame) => messageOf(frame).text === 'shown only');
    const stored = async (): Promise<unknown> => (await bob.history('park', { limit: 1 })).messages?.[0];
    expect(await stored()).toMatchObject({ message: { text: 'stored by the gateway' } });
    const sweep = newSweep();
    expect(await firstFound(sweep)).toBe(1);
    expect(await stored()).toEqual({ offset: shown.offset, message: shown.message });
    expect(await sweep.run()).toBe(0);
  });
});
