import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { Crowd } from '#test/support/crowd.ts';
import { signToken } from '#test/support/jwt.ts';
import { Random } from '#test/support/random.ts';
import { RawClient } from '#test/support/raw-client.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { messageOf } from '#test/support/server-frame.ts';
import { stopwatch } from '#test/support/steady-clock.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { SMALL_YOUNG_HEAP, TestHub } from '#test/support/test-hub.ts';
import { MACHINE_MS, until } from '#test/support/wait.ts';

let hub: TestHub<RedisServer>;
const random = Random.fromEnvironment('crowds');
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 2, env: { DRAIN_SECONDS: '30', ...SMALL_YOUNG_HEAP } });
});
afterEach(() => hub.clear());
afterAll(() => hub?.stop());

describe('500 clients', () => {
  it('[P2] [M5] reconnect at once, miss nothing, and are counted exactly', async () => {
    const room = hub.name('room');
    const proxies = await Promise.all([0, 1].map((i) => TcpProxy.start({ target: hub.gateway(i).port })));
    const doors = proxies.map(({ port }) => ({ url: `ws://127.0.0.1:${port}`, ended: false }));
    const crowd = await Crowd.gather({ room, random, on: Array.from({ length: 250 }, () => doors).flat() });
    const speakers = await Crowd.gather({ room, random, on: [hub.gateway(0), hub.gateway(1)], prefix: 'speaker' });
    await until(async () => (await speakers.clients[0]?.client.online()) === 502, { describe: '502 online' });
    speakers.talk(100);
    await speakers.progress(20);
    for (const proxy of proxies) proxy.sever();
    await until(() => crowd.clients.every((client) => client.connected && client.closes.length > 0), { timeoutMs: 60_000 });
    await speakers.progress(20);
    await speakers.rest(crowd.clients);
    expect(speakers.compare(crowd.clients)).toMatchObject({ violations: [], told: 0 });
    await until(() => speakers.clients.every((client) => client.attendance.online === 502 && client.attendance.rooms.get(room) === 502), {
      timeoutMs: 1000 + MACHINE_MS,
      describe: () =>
        `502 told: ${speakers.clients.map((client) => `${client.attendance.online} ${client.attendance.rooms.get(room)}`).join(', ')}`,
    });
    expect(await speakers.clients[0]?.client.presence(room)).toMatchObject({ count: 502 });
    await Promise.all([crowd.close(), speakers.close()]);
    await until(
      async () => (await hub.gateway(0).metric('parley_connections')) + (await hub.gateway(1).metric('parley_connections')) === 0,
    );
    await Promise.all(proxies.map((proxy) => proxy.stop()));
  });
});

describe('rolling restart', () => {
  it('[D1] [M4] [M5] every gateway is replaced amid traffic: nothing lost, nobody told of a loss, nobody announced', async () => {
    const room = hub.name('room');
    const fleet = [await hub.add(), await hub.add(), await hub.add()];
    const watcher = await hub.client('watcher', 0);
    await watcher.join(room);
    const on = Array.from({ length: 30 }, (_, i) => fleet[i % 3] ?? hub.gateway(0));
    const living = (): string => random.pick(fleet.filter((gateway) => !gateway.ended)).url;
    const crowd = await Crowd.gather({ room, random, on, back: living });
    crowd.talk(100);
    for (let i = 0; i < 3; i += 1) {
      await crowd.progress(60);
      const old = fleet[i];
      fleet[i] = await hub.add();
      expect(await old?.term()).toBe(0);
    }
    await crowd.progress(60);
    await crowd.rest([watcher]);
    expect(crowd.compare([watcher])).toMatchObject({ violations: [], told: 0 });
    expect(await watcher.onLineNumber()).toBe(31);
    expect(await watcher.presence(room)).toMatchObject({ count: 31 });
    for (const client of crowd.clients) {
      expect(watcher.members.get(`${room} ${client.user} left`), `${client.user} left`).toBeUndefined();
      for (const close of client.closes) expect([1012, 1006]).toContain(close.closeCode);
    }
    expect(watcher.online).toBe(31);
    await crowd.close();
    await Promise.all(fleet.map((gateway) => gateway.kill9()));
  });
});

describe('a slow consumer', () => {
  it('[M4] [C 1006] is dropped before it costs much, disturbs nobody, and recovers', async () => {
    const room = hub.name('room');
    const slow = await hub.client('slow', 0);
    await slow.join(room);
    const crowd = await Crowd.gather({ room, random, on: Array.from({ length: 6 }, (_, i) => hub.gateway(i % 2)) });
    await crowd.clients[0]?.say(room, 'seen');
    await until(() => slow.ledger.position(room)?.offset === 1);
    const before = await hub.gateway(0).memory();
    const dropped = await hub.gateway(0).metric('parley_slow_consumers_total');
    slow.raw.pauseReading();
    // 14 KB each: the kernel's buffers and the outbox are full after some hundred.
    const data = 'x'.repeat(14_000);
    let highest = before;
    let sent = 0;
    let slowest = 0;
    while ((await hub.gateway(0).metric('parley_connections')) === 4) {
      const spent = stopwatch();
      await Promise.all(crowd.clients.map((client) => client.say(room, 'big', { data })));
      slowest = Math.max(slowest, spent());
      sent += crowd.clients.length;
      highest = Math.max(highest, await hub.gateway(0).memory());
      expect(sent, 'messages until the slow one is dropped').toBeLessThan(3000);
    }
    expect(highest - before).toBeLessThan(96 * 2 ** 20);
    expect((await hub.gateway(0).metric('parley_slow_consumers_total')) - dropped).toBe(1);
    expect(await hub.gateway(1).metric('parley_slow_consumers_total')).toBe(0);
    expect(slowest, 'neighbours go on').toBeLessThan(3000 + MACHINE_MS);
    slow.raw.resumeReading();
    expect(await slow.closed).toMatchObject({ code: 1006 });
    await slow.reconnect(hub.gateway(1).url);
    await crowd.clients[0]?.say(room, 'last');
    await crowd.rest([slow]);
    const result = crowd.compare([slow]);
    expect(result.violations).toEqual([]);
    // What was missed is more than a room keeps, or not: either way the slow one knows.
    expect(result.told).toBeLessThanOrEqual(1);
    await crowd.close();
  });

  it('[C 1006] that asks for far more than it may keep waiting, in one go, counts as one', async () => {
    const gateway = hub.gateway(0);
    const greedy = await hub.client('greedy', 0);
    const before = await Promise.all([
      gateway.metric('parley_slow_consumers_total'),
      gateway.metric('parley_disconnects_total', 'code="1006"'),
    ]);
    // A write that fails may tell it of the end while it does not read.
    const { raw } = greedy;
    raw.pauseReading();
    // Each is answered at once: of those that are read together many come after the one that was too much.
    const id = 'x'.repeat(64);
    raw.socket.cork();
    for (let i = 0; i < 150_000; i += 1) greedy.send({ type: 'ping', id });
    raw.socket.uncork();
    await until(async () => (await gateway.metric('parley_connections')) === 0, { timeoutMs: 60_000, describe: 'it is dropped' });
    raw.resumeReading();
    expect(await greedy.closed).toMatchObject({ code: 1006 });
    const after = await Promise.all([
      gateway.metric('parley_slow_consumers_total'),
      gateway.metric('parley_disconnects_total', 'code="1006"'),
    ]);
    expect(after.map((value, i) => value - (before[i] ?? 0))).toEqual([1, 1]);
  });

  it('[M4] [M5] one that reads slowly while it recovers gets its pages with flow control', async () => {
    const room = hub.name('room');
    const ada = await hub.client('ada', 0);
    await ada.join(room);
    const { epoch } = await ada.waitFor('joined');
    const data = 'x'.repeat(14_000);
    for (let i = 0; i < 400; i += 1) await ada.message(room, `m${i}`, { data });
    const before = await hub.gateway(1).memory();
    const texts: string[] = [];
    const reader = await RawClient.open(`${hub.gateway(1).url}/ws/chat`, {
      token: signToken({ sub: 'reader' }),
      onText: (text) => texts.push(text),
    });
    reader.send(JSON.stringify({ type: 'join', room, since: { epoch, offset: 0 } }));
    await until(() => texts.some((text) => text.startsWith('{"type":"joined"')));
    // Five and a half megabytes wait for someone who reads now and then.
    for (let i = 0; i < 20; i += 1) {
      reader.pauseReading();
      await ada.request({ type: 'ping' });
      reader.resumeReading();
      const got = texts.length;
      await until(() => texts.length > got || texts.some((text) => text.includes('"more":false')), { describe: 'more' });
    }
    await until(() => texts.some((text) => text.startsWith('{"type":"joined"') && text.endsWith('"more":false}')), { timeoutMs: 30_000 });
    expect((await hub.gateway(1).memory()) - before).toBeLessThan(64 * 2 ** 20);
    const offsets = texts
      .map((text) => JSON.parse(text))
      .filter((frame) => frame.type === 'joined')
      .flatMap((frame: { messages: readonly { offset: number }[] }) => frame.messages.map(({ offset }) => offset));
    expect(offsets).toEqual(Array.from({ length: 400 }, (_, i) => i + 1));
    await reader.close();
    expect(messageOf(await ada.message(room, 'end')).offset).toBe(401);
  });
});
