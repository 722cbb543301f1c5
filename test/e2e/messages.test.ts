import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { PublishRequest } from '#libs/broker/broker.ts';
import { BrokerRedis } from '#libs/broker/broker-redis.ts';
import { eventJson, eventTail } from '#libs/protocol/room-event.ts';
import { messageTail } from '#libs/protocol/server-frame.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { BrokerLedger } from '#test/support/broker-ledger.ts';
import { ChatClient } from '#test/support/chat-client.ts';
import { compareLedgers } from '#test/support/ledger.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { SILENT } from '#test/support/room-stage.ts';
import { messageOf, type ServerFrame } from '#test/support/server-frame.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

let hub: TestHub<RedisServer>;
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 3 });
});
afterEach(() => hub.clear());
afterAll(() => hub?.stop());

async function crowd(room: string, size: number): Promise<ChatClient[]> {
  return await Promise.all(
    Array.from({ length: size }, async (_, i) => {
      const client = await hub.client(`u${i}`, i % 3);
      await client.join(room);
      return client;
    }),
  );
}

async function settled(clients: readonly ChatClient[], room: string, offset: number): Promise<void> {
  await until(() => clients.every((client) => client.ledger.position(room)?.offset === offset), {
    describe: () => `all at ${offset}: ${clients.map((client) => client.ledger.position(room)?.offset).join(' ')}`,
  });
}

describe('M7 events', () => {
  it.each([
    ['one by one', []],
    ['in arrays [F9]', ['parley.v1.batch']],
  ])('[M7] come in their place among the messages, small and large, to who asked for them, %s', async (_, more) => {
    const room = hub.name('room');
    const protocols = ['parley.v1', 'parley.v1.events', ...more];
    const [reader, plain] = await Promise.all([hub.client('ada', 0, { protocols }), hub.client('bob', 1)]);
    expect([reader.welcome.features, plain.welcome.features]).toEqual([more.length > 0 ? ['events', 'batch'] : ['events'], []]);
    for (const client of [reader, plain]) await client.join(room);
    const link = RedisLink.open(hub.backend.url, { prefix: 'parley:', log: SILENT });
    const broker = new BrokerRedis(link);
    await broker.start(new BrokerLedger());
    const sizes = [10, 30_000, 200, 70_000, 10, 10];
    const kinds = sizes.flatMap(() => ['message', 'event', 'event', 'message']);
    const asked = kinds.map((kind, i): PublishRequest => {
      const [at, text] = [Date.now(), 'x'.repeat(sizes[i % sizes.length] ?? 0)];
      const event = eventJson({
        id: `e${i}`,
        kind: 'test.text',
        target: undefined,
        version: undefined,
        message: JSON.stringify({ text }),
        at,
      });
      const sender = '{"id":"s","name":"S"}';
      if (kind === 'event') return { room, tail: eventTail(room, event), key: null, at, event: { offset: 0, version: 0 } };
      return { room, tail: messageTail(room, `m${i}`, sender, text, undefined, at), key: null, at };
    });
    // Of one turn, so that the node gets them together and uWS has to keep the order of two topics.
    const places = await Promise.all(asked.map((one) => broker.publish(one)));
    const order = kinds.map((kind, i) => [places[i]?.offset, kind]);
    const got = (client: ChatClient) =>
      client.frames.filter(({ type, room: of }) => of === room && (type === 'message' || type === 'event'));
    await until(() => got(reader).length === order.length && got(plain).length === sizes.length * 2);
    expect(got(reader).map(({ offset, type }) => [offset, type])).toEqual(order);
    expect(got(plain).map(({ offset, type }) => [offset, type])).toEqual(order.filter(([, kind]) => kind === 'message'));
    await broker.close();
    await link.close();
  });
});

describe('M2 once', () => {
  it('[M2] a retried message, on any node, is one message with one ack', async () => {
    const room = hub.name('room');
    const [one, two, watcher] = await Promise.all([hub.client('ada', 0), hub.client('ada', 1), hub.client('bob', 2)]);
    for (const client of [one, two, watcher]) await client.join(room);
    const id = randomUUID();
    const first = await one.message(room, 'hello', { id });
    const again = await two.message(room, 'hello', { id });
    expect(again.message).toEqual(first.message);
    expect((await one.message(room, 'changed', { id })).message).toEqual(first.message);
    const marker = await watcher.message(room, 'marker');
    expect(messageOf(marker).offset).toBe((messageOf(first).offset ?? 0) + 1);
    await settled([one, two, watcher], room, messageOf(marker).offset ?? 0);
    expect(compareLedgers([one.ledger, two.ledger, watcher.ledger], room).violations).toEqual([]);
    expect(watcher.of('message').map((frame) => messageOf(frame).text)).toEqual(['hello', 'marker']);
  });

  it('[M2] twenty retries at once over three nodes are one message', async () => {
    const room = hub.name('room');
    const tabs = await Promise.all(Array.from({ length: 20 }, (_, i) => hub.client('ada', i % 3)));
    await Promise.all(tabs.map((tab) => tab.join(room)));
    const id = randomUUID();
    const acks = await Promise.all(tabs.map((tab) => tab.message(room, 'hello', { id })));
    for (const ack of acks) expect(ack.message).toEqual(acks[0]?.message);
    await settled(tabs, room, 1);
    expect(
      compareLedgers(
        tabs.map((tab) => tab.ledger),
        room,
      ).violations,
    ).toEqual([]);
  });

  it('[M2] the same id of another user, or in another room, is another message', async () => {
    const room = hub.name('room');
    const other = hub.name('room');
    const ada = await hub.client('ada', 0);
    const bob = await hub.client('bob', 1);
    await Promise.all([ada.join(room), bob.join(room), ada.join(other)]);
    const id = randomUUID();
    const acks = [await ada.message(room, 'a', { id }), await bob.message(room, 'b', { id }), await ada.message(other, 'c', { id })];
    expect(acks.map((ack) => messageOf(ack).offset)).toEqual([1, 2, 1]);
    expect(new Set(acks.map((ack) => messageOf(ack).id)).size).toBe(3);
  });

  it('[M2] messages without an id never collide', async () => {
    const room = hub.name('room');
    const [ada, bob] = await crowd(room, 2);
    if (ada === undefined || bob === undefined) throw new Error('two clients');
    for (let i = 0; i < 10; i += 1) {
      ada.send({ type: 'message', room, text: 'same' });
      bob.send({ type: 'message', room, text: 'same' });
    }
    await settled([ada, bob], room, 20);
    expect(compareLedgers([ada.ledger, bob.ledger], room)).toMatchObject({ violations: [], messages: 20 });
  });
});

describe('M3 one order', () => {
  it('[M3] [M4] many speakers on three nodes are heard by all in one order, each offset once', async () => {
    const room = hub.name('room');
    const clients = await crowd(room, 9);
    await Promise.all(
      clients.map(async (client) => {
        for (let i = 0; i < 25; i += 1) await client.message(room, `${client.user} ${i}`);
      }),
    );
    await settled(clients, room, 225);
    expect(
      compareLedgers(
        clients.map((client) => client.ledger),
        room,
      ),
    ).toMatchObject({ violations: [], acked: 225, messages: 225, told: 0 });
  });

  it('[M3] what one connection says in a row stays in that order', async () => {
    const room = hub.name('room');
    const ada = await hub.client('ada', 0);
    const bob = await hub.client('bob', 1);
    await Promise.all([ada.join(room), bob.join(room)]);
    const acks = await Promise.all(Array.from({ length: 30 }, (_, i) => ada.message(room, String(i))));
    expect(acks.map((ack) => messageOf(ack).offset)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    await settled([ada, bob], room, 30);
    expect(bob.of('message').map((frame) => messageOf(frame).text)).toEqual(Array.from({ length: 30 }, (_, i) => String(i)));
  });

  it('[M4] a message arrives as it was said, the sender included', async () => {
    const room = hub.name('room');
    const ada = await hub.client('ada', 0, { claims: { name: 'Ada "L" \\ } 😀' } });
    const bob = await hub.client('bob', 1);
    await Promise.all([ada.join(room), bob.join(room)]);
    const text = 'quotes " \\ / \b\n\t \u0000 \u2028 }]} ,"at":1 é 😀 \ud83d';
    const data = { nested: [1, { '"': '\\' }], at: 7, é: null, offset: 'no' };
    const ack = await ada.message(room, text, { data });
    for (const client of [ada, bob]) {
      const frame = await client.waitFor('message');
      expect(frame).toMatchObject({ room, offset: 1 });
      expect(messageOf(frame)).toMatchObject({
        id: messageOf(ack).id,
        from: { id: 'ada', name: 'Ada "L" \\ } 😀' },
        data,
        at: messageOf(ack).at,
      });
      expect(messageOf(frame).text?.replace(/[\ud83d\ufffd]$/, '?')).toBe(text.replace(/\ud83d$/, '?'));
    }
    const late = await hub.client('late', 2);
    const joined = await late.join(room);
    expect(joined.messages?.[0]?.message).toMatchObject({ data, from: { name: 'Ada "L" \\ } 😀' } });
  });
});

describe('M5 coming back', () => {
  it('[M5] join with since returns exactly what was missed, on another node', async () => {
    const room = hub.name('room');
    const ada = await hub.client('ada', 0);
    const bob = await hub.client('bob', 1);
    await Promise.all([ada.join(room), bob.join(room)]);
    await ada.message(room, 'seen');
    await settled([bob], room, 1);
    bob.raw.reset();
    await bob.closed;
    for (const text of ['a', 'b', 'c']) await ada.message(room, text);
    const [joined] = await bob.reconnect(hub.gateway(2).url);
    expect(joined).toMatchObject({ recovered: true, more: false, offset: 4 });
    expect(joined?.messages?.map(({ offset, message }) => [offset, message.text])).toEqual([
      [2, 'a'],
      [3, 'b'],
      [4, 'c'],
    ]);
    const [nothing] = await bob.reconnect(hub.gateway(0).url);
    expect(nothing).toMatchObject({ recovered: true, more: false, offset: 4, messages: [] });
    await ada.message(room, 'live');
    await settled([ada, bob], room, 5);
    expect(compareLedgers([ada.ledger, bob.ledger], room)).toMatchObject({ violations: [], told: 0 });
  });

  it('[M5] says recovered:false with the latest page where the epoch is another or the offset never was', async () => {
    const room = hub.name('room');
    const ada = await hub.client('ada', 0);
    const { epoch } = await ada.join(room);
    for (const text of ['a', 'b', 'c']) await ada.message(room, text);
    for (const since of [
      { epoch: 'another', offset: 1 },
      { epoch: epoch ?? '', offset: 1000 },
    ]) {
      const bob = await hub.client('bob', 1);
      const joined = await bob.request({ type: 'join', room, since });
      expect(joined, JSON.stringify(since)).toMatchObject({ recovered: false, offset: 3, epoch });
      expect(joined.messages?.map(({ offset }) => offset)).toEqual([1, 2, 3]);
      await bob.close();
    }
  });

  it('[M5] gives a long absence in pages, then what is live', async () => {
    const room = hub.name('room');
    const speakers = await crowd(room, 9);
    const [bob] = speakers;
    if (bob === undefined) throw new Error('nine clients');
    bob.raw.reset();
    await bob.closed;
    const text = 'x'.repeat(150);
    await Promise.all(
      speakers.slice(1).map(async (speaker) => {
        for (let i = 0; i < 34; i += 1) await speaker.message(room, text);
      }),
    );
    const [first] = await bob.reconnect(hub.gateway(1).url);
    expect(first).toMatchObject({ recovered: true, more: true });
    const pages = (): readonly { readonly more?: boolean; readonly messages?: readonly unknown[] }[] => bob.of('joined').slice(1);
    await until(() => pages().at(-1)?.more === false, { describe: 'the last page' });
    for (const page of pages()) {
      expect(page.messages?.length).toBeLessThanOrEqual(100);
      expect(JSON.stringify(page.messages).length).toBeLessThanOrEqual(64 * 1024 + 100);
    }
    await speakers[1]?.message(room, 'live');
    await settled(speakers, room, 8 * 34 + 1);
    expect(
      compareLedgers(
        speakers.map((speaker) => speaker.ledger),
        room,
      ),
    ).toMatchObject({ violations: [], told: 0 });
  });

  it('[M4] [M5] those who come and come back amid traffic miss nothing and get nothing twice', async () => {
    const room = hub.name('room');
    const speakers = await crowd(room, 6);
    let talking = true;
    const talk = speakers.map(async (speaker) => {
      // The pause is the speaker's pace.
      for (let i = 0; talking; i += 1) {
        await speaker.message(room, `${speaker.user} ${i}`);
        await delay(60);
      }
    });
    const comers = await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        const client = await hub.client(`comer${i}`, i % 3);
        await client.join(room);
        for (let turn = 0; turn < 4; turn += 1) {
          const before = client.ledger.received;
          await until(() => client.ledger.received > before + 2, { describe: 'something live' });
          await client.reconnect(hub.gateway((i + turn + 1) % 3).url);
        }
        return client;
      }),
    );
    talking = false;
    await Promise.all(talk);
    const all = [...speakers, ...comers];
    const top = speakers.reduce((sum, { ledger }) => sum + ledger.acks.length, 0);
    await settled(all, room, top);
    expect(
      compareLedgers(
        all.map((client) => client.ledger),
        room,
      ),
    ).toMatchObject({ violations: [], told: 0, messages: top });
  });
});

describe('R3 what a stream keeps', () => {
  it('[R3] [M5] no more than its length: who was away for longer is told, with the latest page', async () => {
    const short = await Promise.all([1, 2, 3].map(() => hub.add({ STREAM_MAX_MESSAGES: '20' })));
    const room = hub.name('room');
    const ada = await ChatClient.connect(short[0]?.url ?? '', 'ada');
    const bob = await ChatClient.connect(short[1]?.url ?? '', 'bob');
    await ada.join(room);
    const { epoch = '' } = await bob.join(room);
    for (let i = 1; i <= 50; i += 1) await ada.message(room, `t${i}`);
    await settled([ada, bob], room, 50);
    // Redis trims by whole nodes of its tree: a little more than asked for may be kept, never less.
    const history = await bob.history(room, { limit: 100 });
    const kept = history.messages?.length ?? 0;
    expect(kept).toBeGreaterThanOrEqual(20);
    expect(kept).toBeLessThan(50);
    const all = Array.from({ length: kept }, (_, i) => 50 - kept + 1 + i);
    expect(history.messages?.map(({ offset }) => offset)).toEqual(all);
    // A node that had nobody in the room: the others remember more.
    const ask = async (offset: number): Promise<ServerFrame> => {
      const late = await ChatClient.connect(short[2]?.url ?? '', 'late');
      const joined = await late.request({ type: 'join', room, since: { epoch, offset } });
      await late.close();
      return joined;
    };
    const last = await ask(50 - kept);
    expect(last.recovered).toBe(true);
    expect(last.messages?.map(({ offset }) => offset)).toEqual(all);
    const toldSo = await ask(50 - kept - 1);
    expect(toldSo).toMatchObject({ recovered: false, offset: 50 });
    expect(toldSo.messages?.map(({ offset }) => offset)).toEqual(all);
    await Promise.all([ada.close(), bob.close()]);
    await Promise.all(short.map((gateway) => gateway.kill9()));
  });
});
