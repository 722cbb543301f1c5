import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { RedisKeys } from '#libs/redis/keys.ts';
import { ChatClient } from '#test/support/chat-client.ts';
import { signToken } from '#test/support/jwt.ts';
import { RawClient } from '#test/support/raw-client.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { messageOf, type ServerFrame } from '#test/support/server-frame.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

let hub: TestHub<RedisServer>;
const keys = new RedisKeys('parley', false);
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 2 });
});
afterEach(() => hub.clear());
afterAll(() => hub?.stop());

describe('R1 names', () => {
  it('[R1] takes 1 to 128 of the allowed characters', async () => {
    const ada = await hub.client('ada');
    for (const room of ['a', 'Az09._~-,:', 'x'.repeat(128)]) expect(await ada.join(room)).toMatchObject({ type: 'joined', room });
  });

  it.each(['', 'a b', 'a/b', 'ä', 'a"b', 'a\\b', 'a\0b', 'a*', '{a}', 'x'.repeat(129)])('[R1] refuses %j', async (room) => {
    const ada = await hub.client('ada');
    await expect(ada.join(room)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    await expect(ada.message(room, 'hi')).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    expect(await ada.onLineNumber()).toBe(1);
  });
});

describe('R2 who may enter', () => {
  it('[R2] lets everyone into park', async () => {
    const ada = await hub.client('ada', 0, { claims: { rooms: [] } });
    expect(await ada.join('park')).toMatchObject({ type: 'joined', room: 'park', count: 1 });
  });

  it.each(['group:x', 'pair:x', 'conv:x', 'dm:aaaaaaaaaaaaaaaaaaaaaa'])('[R2] keeps strangers out of %s', async (room) => {
    const ada = await hub.client('ada');
    await expect(ada.join(room)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(ada.history(room)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(ada.presence(room)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(ada.message(room, 'hi')).rejects.toMatchObject({ code: expect.stringMatching(/FORBIDDEN|NOT_JOINED/) });
  });

  it('[R2] opens a room to a token that names it, or its prefix, where rooms are not open', async () => {
    const closed = await hub.add({ OPEN_ROOMS: 'off' });
    const clients: ChatClient[] = [];
    const connect = async (user: string, rooms?: readonly string[]): Promise<ChatClient> => {
      const client = await ChatClient.connect(closed.url, user, {
        token: signToken(rooms === undefined ? { sub: user, rooms: null } : { sub: user, rooms }),
      });
      clients.push(client);
      return client;
    };
    try {
      const ada = await connect('ada', ['tea', 'team-*']);
      expect(await ada.join('tea')).toMatchObject({ type: 'joined' });
      expect(await ada.join('team-7')).toMatchObject({ type: 'joined' });
      for (const room of ['te', 'teas', 'Tea', 'other', 'live:team-7']) {
        await expect(ada.join(room), room).rejects.toMatchObject({ code: 'FORBIDDEN' });
      }
      await expect(ada.history('other')).rejects.toMatchObject({ code: 'FORBIDDEN' });
      await expect(ada.presence('other')).rejects.toMatchObject({ code: 'FORBIDDEN' });
      const bob = await connect('bob');
      await expect(bob.join('tea')).rejects.toMatchObject({ code: 'FORBIDDEN' });
      expect(await bob.join('park')).toMatchObject({ type: 'joined' });
      // A claim with a star for all does not open what the hub makes.
      const eve = await connect('eve', ['*']);
      expect(await eve.join('anything')).toMatchObject({ type: 'joined' });
      await expect(eve.join('group:x')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    } finally {
      await Promise.all(clients.map((client) => client.close()));
      await closed.kill9();
    }
  });

  it('[R2] answers each room of one join by itself', async () => {
    const ada = await hub.client('ada');
    ada.send({ type: 'join', id: 'many', rooms: [{ room: 'one' }, { room: 'group:no' }, { room: 'two' }] });
    await ada.waitFor('joined', (frame) => frame.id === 'many' && frame.room === 'one');
    await ada.waitFor('joined', (frame) => frame.id === 'many' && frame.room === 'two');
    await ada.waitFor('error', (frame) => frame.id === 'many' && frame.code === 'FORBIDDEN');
  });
});

describe('R3 what is kept', () => {
  it('[R3] keeps nothing of a live room, and still carries it to every node', async () => {
    const room = `live:${hub.name('cursor')}`;
    const ada = await hub.client('ada', 0);
    const bob = await hub.client('bob', 1);
    for (const client of [ada, bob]) {
      const joined = await client.join(room);
      expect(joined).toMatchObject({ type: 'joined', recovered: false, messages: [], more: false });
      expect(joined).not.toHaveProperty('epoch');
      expect(joined).not.toHaveProperty('offset');
    }
    const ack = await ada.message(room, 'here', { data: { x: 1 } });
    expect(messageOf(ack)).not.toHaveProperty('offset');
    for (const client of [ada, bob]) {
      const frame = await client.waitFor('message', (message) => message.room === room);
      expect(frame).not.toHaveProperty('offset');
      expect(frame.message).toMatchObject({ text: 'here', data: { x: 1 }, from: { id: 'ada' }, id: messageOf(ack).id });
    }
    const late = await hub.client('late', 1);
    expect(await late.join(room)).toMatchObject({ messages: [] });
    expect(await late.history(room)).toMatchObject({ messages: [], more: false });
  });

  it('[R3] keeps a stream of any other room, and gives its latest page to whoever comes', async () => {
    const room = hub.name('room');
    const ada = await hub.client('ada', 0);
    await ada.join(room);
    for (const text of ['one', 'two', 'three']) await ada.message(room, text);
    const bob = await hub.client('bob', 1);
    const joined = await bob.join(room);
    expect(joined).toMatchObject({ recovered: false, more: false, offset: 3 });
    expect(joined.messages?.map(({ offset, message }) => [offset, message.text])).toEqual([
      [1, 'one'],
      [2, 'two'],
      [3, 'three'],
    ]);
  });

  it('[R3] keeps offset and epoch of a room that everybody left', async () => {
    const room = hub.name('room');
    const ada = await hub.client('ada', 0);
    const first = await ada.join(room);
    await ada.message(room, 'one');
    await ada.leave(room);
    await until(async () => (await ada.presence(room)).count === 0, { describe: 'nobody is in it' });
    const bob = await hub.client('bob', 1);
    expect(await bob.join(room)).toMatchObject({ epoch: first.epoch, offset: 1, count: 1 });
  });
});

describe('R4 being in rooms', () => {
  it('[R4] takes 100 rooms of one frame, and no more until one is left', async () => {
    const ada = await hub.client('ada');
    const rooms = Array.from({ length: 100 }, () => hub.name('many'));
    ada.send({ type: 'join', id: 'all', rooms: rooms.map((room) => ({ room })) });
    await until(() => ada.received.get('joined') === 100, { describe: () => `100 joined, have ${ada.received.get('joined')}` });
    expect(new Set(ada.of('joined').map(({ room }) => room))).toEqual(new Set(rooms));
    await expect(ada.join('one-more')).rejects.toMatchObject({ code: 'ROOM_LIMIT' });
    await ada.leave(rooms[0] ?? '');
    expect(await ada.join('one-more')).toMatchObject({ type: 'joined' });
  });

  it('[M5] [R4] hundreds of rooms with full pages come as the reader takes them: nobody who reads is dropped', async () => {
    const roomy = await hub.add({ ROOM_LIMIT: '1000' });
    const ada = await ChatClient.connect(roomy.url, 'ada', { record: false });
    // About 60 KiB a room: together more than an outbox and all that lies between the two sockets hold.
    const rooms = Array.from({ length: 300 }, () => hub.name('full'));
    const data = 'x'.repeat(14_000);
    const fill = async (room: string): Promise<void> => {
      await ada.join(room);
      await Promise.all([1, 2, 3, 4].map((n) => ada.message(room, String(n), { data })));
    };
    // Fewer at once than a node that is held up answers BUSY to.
    for (let at = 0; at < rooms.length; at += 10) await Promise.all(rooms.slice(at, at + 10).map(fill));
    const pages = new Map<string, number>();
    const bob = await RawClient.open(`${roomy.url}/ws/chat`, {
      token: signToken({ sub: 'bob' }),
      onText: (text) => {
        const frame: ServerFrame = JSON.parse(text);
        if (frame.type === 'joined') pages.set(frame.room ?? '', frame.messages?.length ?? 0);
      },
    });
    // Not a byte of it is read before all of it is asked for and could have been sent.
    bob.socket.pause();
    for (let at = 0; at < rooms.length; at += 100) {
      bob.send(JSON.stringify({ type: 'join', rooms: rooms.slice(at, at + 100).map((room) => ({ room })) }));
    }
    for (let turn = 0; turn < 50; turn += 1) await ada.onLineNumber();
    bob.socket.resume();
    await until(() => pages.size === rooms.length, { timeoutMs: 60_000, describe: () => `${rooms.length} pages, have ${pages.size}` });
    expect([...pages.values()].every((messages) => messages === 4)).toBe(true);
    bob.reset();
    await ada.close();
  });

  it('[R4] joining twice is harmless', async () => {
    const room = hub.name('room');
    const ada = await hub.client('ada', 0);
    const bob = await hub.client('bob', 1);
    await bob.join(room);
    await ada.join(room);
    expect(await ada.join(room)).toMatchObject({ type: 'joined', room, count: 2 });
    await bob.message(room, 'once');
    await bob.message(room, 'marker');
    await ada.waitFor('message', (frame) => messageOf(frame).text === 'marker');
    expect(ada.of('message').filter((frame) => messageOf(frame).text === 'once')).toHaveLength(1);
    await ada.leave(room);
    await until(async () => (await bob.presence(room)).count === 1, { describe: 'ada left with one leave' });
    expect(bob.members.get(`${room} ada joined`)).toBe(1);
  });

  it('[R4] joins of one connection sent at once are answered each, and count once', async () => {
    const room = hub.name('room');
    const ada = await hub.client('ada', 0);
    const answers = await Promise.all([ada.join(room), ada.join(room), ada.join(room)]);
    for (const answer of answers) expect(answer).toMatchObject({ type: 'joined', room, count: 1 });
    await ada.leave(room);
    await expect(ada.message(room, 'hi')).rejects.toMatchObject({ code: 'NOT_JOINED' });
    await until(async () => (await ada.presence(room)).count === 0);
  });

  it('[R4] leaving ends the room for this connection alone', async () => {
    const room = hub.name('room');
    const tab = await hub.client('ada', 0);
    const other = await hub.client('ada', 0);
    const bob = await hub.client('bob', 1);
    await Promise.all([tab.join(room), other.join(room), bob.join(room)]);
    expect(await tab.leave(room)).toMatchObject({ type: 'left', room });
    await expect(tab.leave(room)).rejects.toMatchObject({ code: 'NOT_JOINED' });
    await expect(tab.message(room, 'hi')).rejects.toMatchObject({ code: 'NOT_JOINED' });
    await bob.message(room, 'after');
    await other.waitFor('message', (frame) => messageOf(frame).text === 'after');
    expect(tab.of('message')).toEqual([]);
    expect(await bob.presence(room)).toMatchObject({ count: 2 });
  });

  it('[R4] join and leave in quick succession end where the last one says', async () => {
    const room = hub.name('room');
    const ada = await hub.client('ada', 0);
    const bob = await hub.client('bob', 1);
    await bob.join(room);
    for (let i = 0; i < 8; i += 1) {
      ada.send({ type: 'join', room });
      ada.send({ type: 'leave', room });
    }
    ada.send({ type: 'join', id: 'last', room });
    await ada.waitFor('joined', (frame) => frame.id === 'last');
    const sent = await bob.message(room, 'to you');
    await ada.waitFor('message', (frame) => messageOf(frame).id === messageOf(sent).id);
    expect(await bob.presence(room)).toMatchObject({ count: 2 });
    await ada.leave(room);
    await until(async () => (await bob.presence(room)).count === 1, { describe: 'ada gone' });
  });

  it('[R4] who leaves and joins again before presence answered the first join is in the room', async () => {
    const room = hub.name('room');
    const ada = await hub.client('ada', 0);
    const near = await hub.client('bob', 0);
    const far = await hub.client('cleo', 1);
    await Promise.all([near.join(room), far.join(room)]);
    hub.backend.pause();
    try {
      for (const type of ['join', 'leave', 'join']) {
        ada.send({ type, id: `${type}-${room}`, room });
        // Each is dealt with, as far as that goes without Redis, before the next one comes.
        await ada.request({ type: 'ping' });
      }
    } finally {
      hub.backend.resume();
    }
    await ada.waitFor('joined', (frame) => frame.room === room);
    const told = (action: string): number => far.members.get(`${room} ada ${action}`) ?? 0;
    await until(() => told('left') === 1 && told('joined') === 2, { describe: () => `came ${told('joined')}, went ${told('left')}` });
    expect(await far.presence(room)).toMatchObject({ count: 3 });
    await ada.leave(room);
    await until(async () => (await far.presence(room)).count === 2, { describe: 'ada gone' });
  });
});

describe('H1 the room of the path', () => {
  it('[H1] /chat/{room} is joined at once', async () => {
    const room = hub.name('room');
    const ada = await hub.client('ada', 0, { path: `/chat/${room}` });
    expect(await ada.waitFor('joined')).toMatchObject({ room, count: 1 });
    await ada.message(room, 'one');
    const { epoch } = await ada.waitFor('joined');
    const bob = await hub.client('bob', 1, { path: `/chat/${room}?epoch=${epoch}&offset=0` });
    const joined = await bob.waitFor('joined');
    expect(joined).toMatchObject({ room, recovered: true, offset: 1 });
    expect(joined.messages).toHaveLength(1);
  });
});

describe('M5 a room that began anew while nobody spoke', () => {
  it('[M5] [M4] who comes from a node that knows is not kept waiting by one that does not: a loss is told, the talk goes on', async () => {
    const room = hub.name('room');
    const ada = await hub.client('ada', 1);
    await ada.join(room);
    await ada.message(room, 'lost');
    // Redis loses this room and nothing else: no connection breaks, so the node of ada is not told.
    await hub.backend.command('DEL', keys.meta(room), keys.stream(room));
    const bob = await hub.client('bob', 0);
    const { epoch, offset } = await bob.join(room);
    expect(epoch).not.toBe((await ada.waitFor('joined')).epoch);
    const cy = await hub.client('cy', 1);
    const joined = await cy.join(room, { epoch: String(epoch), offset: Number(offset) });
    expect(joined.recovered).toBe(false);
    await bob.message(room, 'anew');
    for (const client of [ada, cy]) await client.waitFor('resync', (frame) => frame.room === room && frame.epoch === epoch);
    const second = await bob.message(room, 'and on');
    for (const client of [ada, cy])
      await client.waitFor('message', (frame) => frame.room === room && frame.offset === messageOf(second).offset);
  });
});
