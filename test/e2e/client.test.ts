import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { ClientFleet, type FleetClient } from '#test/support/client-fleet.ts';
import type { GatewayProcess } from '#test/support/gateway-process.ts';
import { signToken } from '#test/support/jwt.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

const STREAM_MAX_MESSAGES = 10;
/** So much takes the client's pace longer than a gateway remembers a room that nobody there is in. */
const SAID = 75;

let hub: TestHub<RedisServer>;
const fleet = new ClientFleet();
const proxies: TcpProxy[] = [];
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({
    gateways: 2,
    env: {
      STREAM_MAX_MESSAGES: String(STREAM_MAX_MESSAGES),
      HEARTBEAT_SECONDS: '8',
      FRAME_RATE: '20',
      DRAIN_SECONDS: '30',
      OPEN_ROOMS: 'off',
    },
  });
});
afterEach(async () => {
  fleet.clear();
  await Promise.all(proxies.splice(0).map((proxy) => proxy.stop()));
});
afterAll(() => hub?.stop());

const numbers = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => String(from + i));

async function proxied(gateway: GatewayProcess): Promise<{ proxy: TcpProxy; url: () => string }> {
  const proxy = await TcpProxy.start({ target: gateway.port });
  proxies.push(proxy);
  return { proxy, url: () => `ws://127.0.0.1:${proxy.port}` };
}

/** Two clients in a room of their own, the first through a proxy. */
async function pair(): Promise<{ room: string; ada: FleetClient; bob: FleetClient; proxy: TcpProxy }> {
  const room = hub.name('room');
  const { proxy, url } = await proxied(hub.gateway(0));
  const ada = fleet.client({ user: hub.name('ada'), url });
  const bob = fleet.client({ user: hub.name('bob'), url: () => hub.gateway(1).url });
  await ada.client.join(room);
  await bob.client.join(room);
  return { room, ada, bob, proxy };
}

const say = (client: FleetClient, room: string, texts: readonly string[]): Promise<unknown> =>
  Promise.all(texts.map((text) => client.client.send(room, text)));

describe('the client', () => {
  it('[M1] joins, sends, and hands over what is said, its own words included, each once', async () => {
    const { room, ada, bob } = await pair();
    const sent = await ada.client.send(room, 'hello', { data: { mood: 'fine' } });
    expect(sent).toMatchObject({ room, message: { offset: 1 } });
    await bob.until('message', () => bob.texts(room).length === 1);
    await ada.until('message', () => ada.texts(room).length === 1);
    const [heard] = bob.messages(room);
    expect(heard).toMatchObject({
      room,
      offset: 1,
      origin: 'live',
      message: { id: sent.message.id, text: 'hello', data: { mood: 'fine' } },
    });
    expect(await bob.client.presence(room)).toMatchObject({ count: 2 });
    expect(await bob.client.history(room)).toMatchObject({ more: false, messages: [{ offset: 1 }] });
    expect(await bob.client.online()).toBeGreaterThanOrEqual(2);
    expect(ada.client.status).toEqual({ state: 'connected', attempt: 1 });
    expect(await bob.client.join(room)).toMatchObject({ count: 2, offset: 1, messages: [{ offset: 1, message: { text: 'hello' } }] });
    await ada.client.leave(room);
    await expect(ada.client.send(room, 'gone')).rejects.toMatchObject({ code: 'NOT_JOINED' });
    const { epoch = '' } = await bob.client.join(room);
    expect(await ada.client.join(room, { since: { epoch, offset: 0 } })).toMatchObject({ recovered: true, messages: [{ offset: 1 }] });
  });

  it('[F] enters many rooms at once, renews its token when told to, and asks for a sign of life', async () => {
    const user = hub.name('ada');
    const started = Date.now();
    let exp = Math.floor(started / 1000) + 600;
    const ada = fleet.client({ user, url: () => hub.gateway(0).url, getToken: () => signToken({ sub: user, exp }) });
    const rooms = Array.from({ length: 90 }, () => ({ room: hub.name('room') }));
    const answers = await ada.client.joinAll([{ room: 'group:of-others' }, ...rooms]);
    expect(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value.room : answer.reason.code))).toEqual([
      'FORBIDDEN',
      ...rooms.map(({ room }) => room),
    ]);
    expect(ada.sent.filter(({ type }) => type === 'join')).toHaveLength(1);
    exp += 600;
    expect(await ada.client.refresh()).toBe(exp);
    const stranger = fleet.client({
      user,
      url: () => hub.gateway(0).url,
      getToken: ({ fresh }) => signToken({ sub: fresh ? 'other' : user }),
    });
    await expect(stranger.client.refresh()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await ada.client.ping()).toBeGreaterThanOrEqual(started);
  });

  it('[H5] tells why it is not let in', async () => {
    const stranger = fleet.client({ user: 'x', url: () => hub.gateway(0).url, getToken: () => 'forged' });
    await stranger.until('status', () => stranger.client.status.state === 'refused');
    expect(stranger.client.status).toMatchObject({ reason: { code: 'TOKEN_EXPIRED', closeCode: 4001 } });
  });
});

describe('a gateway is lost', () => {
  it('[M2] [M5] kill -9: what was written meanwhile arrives once, what was missed comes, in order', async () => {
    const room = hub.name('room');
    const doomed = await hub.add();
    const ada = fleet.client({ user: hub.name('ada'), url: () => (doomed.ended ? hub.gateway(0) : doomed).url });
    const bob = fleet.client({ user: hub.name('bob'), url: () => hub.gateway(1).url });
    await ada.client.join(room);
    await bob.client.join(room);
    await say(ada, room, ['before']);
    const unanswered = ada.client.send(room, 'in the fall');
    await doomed.kill9();
    await ada.until('status', () => ada.client.status.state === 'reconnecting');
    const away = say(ada, room, ['away 1', 'away 2']);
    const missed = say(bob, room, ['missed 1', 'missed 2']);
    await Promise.all([unanswered, away, missed]);
    const all = ['before', 'in the fall', 'away 1', 'away 2', 'missed 1', 'missed 2'].sort();
    for (const client of [ada, bob]) {
      await client.until('message', () => client.texts(room).length >= all.length);
      expect(client.texts(room).toSorted()).toEqual(all);
      const offsets = client.messages(room).map(({ offset }) => offset);
      expect(offsets).toEqual([1, 2, 3, 4, 5, 6]);
    }
    expect(ada.texts(room)).toEqual(bob.texts(room));
    expect(ada.states).toEqual(['connecting', 'connected', 'reconnecting', 'connected']);
  });

  it('[D1] [C 1012] drain: it comes back when told to, and nobody sees a gap', async () => {
    const room = hub.name('room');
    const leaving = await hub.add();
    let told = Number.NaN;
    const ada = fleet.client({ user: hub.name('ada'), url: () => (told >= 0 ? hub.gateway(0) : leaving).url });
    const bob = fleet.client({ user: hub.name('bob'), url: () => hub.gateway(1).url });
    ada.client.on('draining', ({ reconnectIn }) => {
      told = reconnectIn;
    });
    await ada.client.join(room);
    await bob.client.join(room);
    const waiting = ada.next('status', ({ retryAt }) => retryAt !== undefined);
    const exit = leaving.term();
    const { state, reason, retryAt = 0 } = await waiting;
    expect({ state, code: reason?.code }).toEqual({ state: 'reconnecting', code: 'DRAINING' });
    expect(retryAt - Date.now()).toBeLessThanOrEqual(told * 1000);
    const lines = numbers(1, 8);
    await Promise.all([say(bob, room, lines.slice(0, 5)), say(ada, room, lines.slice(5))]);
    await ada.until('message', () => ada.texts(room).length >= 8);
    expect(ada.texts(room).toSorted()).toEqual(lines);
    await bob.until('message', () => bob.texts(room).length >= 8);
    expect(ada.texts(room)).toEqual(bob.texts(room));
    expect(await exit).toBe(0);
  });

  it('[F3] catches up without being told to slow down', async () => {
    const { room, ada, bob, proxy } = await pair();
    const refusals: string[] = [];
    ada.client.on('frame', (frame) => {
      if (frame.type === 'error') refusals.push(frame.code);
    });
    proxy.refuse();
    await ada.until('status', () => ada.client.status.state === 'reconnecting');
    const lines = numbers(1, 90);
    const sent = say(ada, room, lines);
    proxy.heal();
    await sent;
    await bob.until('message', () => bob.texts(room).length >= lines.length);
    expect(bob.texts(room)).toEqual(lines);
    expect(refusals).toEqual([]);
  });

  it('a line that is cut off in silence is found out by the heartbeat', async () => {
    const { room, ada, bob, proxy } = await pair();
    await say(bob, room, ['1']);
    await ada.until('message', () => ada.texts(room).length === 1);
    proxy.forget();
    await say(bob, room, ['2', '3']);
    const { reason } = await ada.next('status', ({ state }) => state === 'reconnecting', 40_000);
    expect(reason).toEqual({ code: 'SILENT' });
    await ada.until('message', () => ada.texts(room).length === 3);
    expect(ada.messages(room).map(({ origin, message }) => [origin, message.text])).toEqual([
      ['live', '1'],
      ['recovered', '2'],
      ['recovered', '3'],
    ]);
  });
});

describe('rooms after a loss', () => {
  it('[M4] what the hub no longer has is told, with the messages to show instead', async () => {
    const { room, ada, bob, proxy } = await pair();
    await say(bob, room, ['old']);
    await ada.until('message', () => ada.texts(room).length === 1);
    proxy.refuse();
    await ada.until('status', () => ada.client.status.state === 'reconnecting');
    for (const text of numbers(1, SAID)) await bob.client.send(room, text);
    const resync = ada.next('resync');
    const joined = ada.next('joined');
    proxy.heal();
    const { messages, reason, offset } = await resync;
    expect({ reason, offset }).toEqual({ reason: 'join', offset: SAID + 1 });
    expect(messages.at(-1)).toMatchObject({ offset: SAID + 1, message: { text: String(SAID) } });
    expect(await joined).toMatchObject({ room, automatic: true, recovered: false });
    await bob.client.send(room, 'new');
    await ada.until('message', () => ada.texts(room).includes('new'));
    expect(ada.texts(room)).toEqual(['old', 'new']);
  });

  it('[M5] a hundred rooms are joined again in one go', async () => {
    const { proxy, url } = await proxied(hub.gateway(0));
    const ada = fleet.client({ user: hub.name('ada'), url });
    const bob = fleet.client({ user: hub.name('bob'), url: () => hub.gateway(1).url, pace: { perSecond: 15, burst: 30 } });
    const rooms = numbers(1, 100).map((n) => hub.name(`many-${n}`));
    const [first = '', last = ''] = [rooms[0], rooms.at(-1)];
    for (const client of [ada, bob]) for (const room of client === ada ? rooms : [first, last]) await client.client.join(room);
    proxy.refuse();
    await ada.until('status', () => ada.client.status.state === 'reconnecting');
    await bob.client.send(first, 'one');
    await bob.client.send(last, 'two');
    const again = new Set<string>();
    ada.client.on('joined', ({ room, recovered }) => recovered && again.add(room));
    const lost: unknown[] = [];
    ada.client.on('room_lost', (event) => lost.push(event));
    proxy.heal();
    await ada.until('joined', () => again.size === rooms.length);
    expect(lost).toEqual([]);
    expect([...ada.texts(first), ...ada.texts(last)]).toEqual(['one', 'two']);
  });

  it('a room that is closed to it meanwhile is told lost, the others are not', async () => {
    const rooms = [hub.name('mine'), hub.name('yours'), hub.name('mine')];
    const user = hub.name('ada');
    let allowed = rooms;
    const { proxy, url } = await proxied(hub.gateway(0));
    const ada = fleet.client({ user, url, getToken: () => signToken({ sub: user, rooms: allowed }) });
    for (const room of rooms) await ada.client.join(room);
    allowed = rooms.filter((room) => !room.startsWith('yours'));
    const again: string[] = [];
    ada.client.on('joined', ({ room }) => again.push(room));
    const lost = ada.next('room_lost');
    proxy.sever();
    expect(await lost).toMatchObject({ room: rooms[1], code: 'FORBIDDEN' });
    await ada.until('joined', () => again.length === 2);
    expect(again.toSorted()).toEqual(allowed.toSorted());
  });
});

describe('tokens', () => {
  it('[C 4001] one that is over is replaced by a fresh one, without a pause', async () => {
    const user = hub.name('ada');
    const asked: boolean[] = [];
    const ada = fleet.client({
      user,
      url: () => hub.gateway(0).url,
      getToken: ({ fresh }) => {
        asked.push(fresh);
        return signToken({ sub: user, exp: Math.floor(Date.now() / 1000) + (fresh ? 3600 : -60) });
      },
    });
    await ada.until('status', () => ada.client.status.state === 'connected');
    expect(asked).toEqual([false, true]);
  });

  it('are renewed in band before they end: the connection stays', async () => {
    const user = hub.name('ada');
    const seconds = (): number => Math.floor(Date.now() / 1000);
    const first = seconds() + 15;
    const ada = fleet.client({
      user,
      url: () => hub.gateway(0).url,
      getToken: ({ fresh }) => signToken({ sub: user, exp: fresh ? seconds() + 3600 : first }),
    });
    const expiring = ada.next('token_expiring');
    const refreshed = ada.next('frame', ({ type }) => type === 'refreshed');
    expect((await expiring).expiresAt).toBe(first);
    expect(await refreshed).toMatchObject({ type: 'refreshed' });
    // Past the end of the first one, and what is forgiven.
    await until(() => seconds() > first + 7, { timeoutMs: 60_000 });
    expect(await ada.client.online()).toBeGreaterThan(0);
    expect(ada.states).toEqual(['connecting', 'connected']);
  });
});

describe('another user logs in', () => {
  it('[M2] what waited for the one before is dropped, and told so; its rooms are left', async () => {
    const { proxy, url } = await proxied(hub.gateway(0));
    const room = hub.name('room');
    const users = [hub.name('ada'), hub.name('bob')] as const;
    let user: string = users[0];
    const one = fleet.client({ user, url, getToken: () => signToken({ sub: user }) });
    const witness = fleet.client({ user: hub.name('witness'), url: () => hub.gateway(1).url });
    await one.client.join(room);
    await witness.client.join(room);
    await say(one, room, ['mine']);
    proxy.refuse();
    await one.until('status', () => one.client.status.state === 'reconnecting');
    const waiting = [one.client.send(room, 'away'), one.client.sendTo(witness.user, 'private'), one.client.join(hub.name('other'))];
    const dropped = waiting.map((promise) => expect(promise).rejects.toMatchObject({ code: 'USER_CHANGED' }));
    const changed = one.next('user_changed');
    user = users[1];
    proxy.heal();
    expect(await changed).toMatchObject({ before: { id: users[0] }, user: { id: users[1] } });
    await Promise.all(dropped);
    await expect(one.client.send(room, 'not in')).rejects.toMatchObject({ code: 'NOT_JOINED' });
    expect(await one.client.join(room)).toMatchObject({ offset: 1, messages: [{ message: { from: { id: users[0] } } }] });
    await say(one, room, ['as bob']);
    await witness.until('message', () => witness.texts(room).includes('as bob'));
    expect(witness.heard.map(({ message }) => [message.from.id, message.text])).toEqual([
      [users[0], 'mine'],
      [users[1], 'as bob'],
    ]);
  });
});

describe('private rooms', () => {
  it('[R5] [M6] what was said while away comes once, and is told delivered in batches', async () => {
    const names = [hub.name('ada'), hub.name('bob')] as const;
    const ada = fleet.client({ user: names[0], url: () => hub.gateway(0).url });
    const first = fleet.client({ user: names[1], url: () => hub.gateway(1).url });
    await first.until('status', () => first.client.status.state === 'connected');
    // Who was here is written down a moment later.
    const { room } = await until(() => ada.client.sendTo(names[1], 'live'));
    await first.until('message', () => first.texts(room).length === 1);
    first.client.close();
    const lines = numbers(1, 40);
    await Promise.all(lines.map((text) => ada.client.sendTo(names[1], text)));

    const second = fleet.client({ user: names[1], url: () => hub.gateway(0).url });
    await second.next('offline_messages_complete', ({ count }) => count >= lines.length);
    expect(second.texts(room).slice(-40)).toEqual(lines);
    expect(second.messages(room).every(({ origin }) => origin === 'offline')).toBe(true);
    await until(() => second.sent.some(({ type, offset }) => type === 'delivered' && offset === 41), { timeoutMs: 20_000 });
    expect(second.sent.filter(({ type }) => type === 'delivered').length).toBeLessThan(10);
    await until(async () => {
      const third = fleet.client({ user: names[1], url: () => hub.gateway(1).url });
      const { count } = await third.next('offline_messages_complete');
      third.client.close();
      return count === 0;
    });
  });
});
