import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { ChatClient } from '#test/support/chat-client.ts';
import { Crowd } from '#test/support/crowd.ts';
import { signToken } from '#test/support/jwt.ts';
import { Random } from '#test/support/random.ts';
import { RawClient, RefusedError } from '#test/support/raw-client.ts';
import { exchange, parseAnswer, requestText } from '#test/support/raw-exchange.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { messageOf } from '#test/support/server-frame.ts';
import { stopwatch } from '#test/support/steady-clock.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { MACHINE_MS, until } from '#test/support/wait.ts';

/** What it has before it ends itself by force, with another code: more than a stall takes. */
const DRAIN_SECONDS = 30;
/** What it needs of that for as few as are here, Redis away or not. */
const ENOUGH_SECONDS = 6;

const HANDSHAKE = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];

let hub: TestHub<RedisServer>;
const random = Random.fromEnvironment('drain');
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 1, env: { DRAIN_SECONDS: String(DRAIN_SECONDS) } });
});
afterEach(() => hub.clear());
afterAll(() => hub?.stop());

describe('D1 drain', () => {
  it('[D1] an idle gateway exits 0 soon', async () => {
    const leaving = await hub.add();
    // It does not sit out its time.
    expect(await leaving.term(15_000)).toBe(0);
  });

  it('[D1] [C 1012] sends everybody draining with spread delays, closes with 1012, and exits 0 in time', async () => {
    const leaving = await hub.add();
    const clients = await Promise.all(Array.from({ length: 60 }, (_, i) => ChatClient.connect(leaving.url, `u${i}`)));
    const spent = stopwatch();
    const exit = leaving.term();
    const closes = await Promise.all(clients.map((client) => client.closed));
    for (const close of closes) expect(close).toEqual({ code: 1012, reason: 'DRAINING' });
    expect(await exit).toBe(0);
    expect(spent()).toBeLessThan(ENOUGH_SECONDS * 1000 + MACHINE_MS);
    const delays = clients.map((client) => client.of('draining').at(-1)?.reconnectIn ?? -1);
    for (const [i, client] of clients.entries()) {
      expect(client.of('draining'), `client ${i}`).toHaveLength(1);
      expect(client.frames.at(-1)?.type).toBe('draining');
    }
    for (const delay of delays) {
      expect(delay).toBeGreaterThanOrEqual(0);
      expect(delay).toBeLessThanOrEqual(ENOUGH_SECONDS);
    }
    expect(new Set(delays).size, 'delays differ').toBeGreaterThan(30);
  });

  it('[D1] fails its readiness at once and takes no new connection', async () => {
    // Many quiet connections make it take a second: long enough to look.
    const leaving = await hub.add();
    let draining = false;
    const onText = (text: string): void => {
      draining ||= text.startsWith('{"type":"draining"');
    };
    await Promise.all(
      Array.from({ length: 1000 }, () =>
        RawClient.open(`${leaving.url}/ws/chat`, { token: signToken({ sub: 'many' }), timeoutMs: 30_000, onText }),
      ),
    );
    expect((await fetch(`${leaving.adminUrl}/readyz`)).status).toBe(200);
    const exit = leaving.term();
    /** Readiness as asked for after somebody was told to go, until nobody answers any more. */
    const answers: number[] = [];
    for (;;) {
      const asked = draining;
      const response = await fetch(`${leaving.adminUrl}/readyz`).catch(() => undefined);
      if (response === undefined) break;
      if (asked) answers.push(response.status);
      if (answers.length === 3) break;
    }
    expect(answers.length).toBeGreaterThan(0);
    expect(new Set(answers)).toEqual(new Set([503]));
    const refused = await RawClient.open(`${leaving.url}/ws/chat`, { token: signToken({ sub: 'late' }) }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Error);
    if (refused instanceof RefusedError) {
      expect(refused.response.status).toBe(503);
      expect(refused.response.headers.get('x-websocket-error-code')).toBe('DRAINING');
      expect(Number(refused.response.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(await exit).toBe(0);
  });

  it('[D1] [H4] [H5] answers newcomers 503 until the last client is gone, and as long as a balancer needs', async () => {
    const leaving = await hub.add({ DRAIN_LISTEN_SECONDS: '3', GATEWAY_PROCESSES: '2' });
    const ada = await ChatClient.connect(leaving.url, 'ada');
    const spent = stopwatch();
    const exit = leaving.term();
    await ada.closed;
    // The last client is gone.
    for (const [line, more] of [
      ['GET /nowhere', []],
      ['HEAD /ws/chat', []],
      ['GET /ws/chat', []],
      ['GET /ws/chat', HANDSHAKE],
    ] as const) {
      const { status, headers, body } = parseAnswer(await exchange(leaving.port, requestText(line, more)));
      expect([line, status, headers.connection]).toEqual([line, 503, 'close']);
      expect(Number(headers['retry-after'])).toBeGreaterThan(0);
      if (!line.startsWith('HEAD')) expect(JSON.parse(body)).toMatchObject({ code: 'DRAINING' });
    }
    // After a 101 a proxy could not ask another node.
    await expect(RawClient.open(`${leaving.url}/ws/chat`, { protocols: ['parley.v1', 'parley.v1+close'] })).rejects.toMatchObject({
      response: { status: 503 },
    });
    expect(spent()).toBeLessThan(3000 + MACHINE_MS);
    expect(await exit).toBe(0);
    expect(spent()).toBeGreaterThanOrEqual(3000);
    await expect(exchange(leaving.port, requestText('GET /nowhere'))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('[D1] amid traffic nothing acked is lost, nobody sees a gap, nobody is announced who came back', async () => {
    const room = hub.name('room');
    const leaving = await hub.add();
    const staying = hub.gateway(0);
    const watcher = await hub.client('watcher', 0);
    await watcher.join(room);
    const on = Array.from({ length: 20 }, () => leaving);
    const crowd = await Crowd.gather({ room, random, on, back: () => staying.url });
    try {
      crowd.talk(60);
      await crowd.progress(40);
      expect(await leaving.term()).toBe(0);
      await until(() => crowd.clients.every(({ client, connected }) => connected && client.welcome?.node === staying.node), {
        describe: 'all came back',
      });
      await crowd.progress(40);
      await crowd.rest([watcher]);
      expect(crowd.compare([watcher])).toMatchObject({ violations: [], told: 0 });
      expect(await watcher.presence(room)).toMatchObject({ count: 21 });
      for (const { user, closes } of crowd.clients) {
        expect(closes, `${user} was told to go`).toEqual([{ code: 'DRAINING', closeCode: 1012 }]);
        expect(watcher.members.get(`${room} ${user} left`), `${user} left`).toBeUndefined();
        expect(watcher.members.get(`${room} ${user} joined`)).toBe(1);
      }
      expect(await watcher.onLineNumber()).toBe(21);
    } finally {
      await crowd.close();
    }
  });

  it('[D1] nobody is announced who comes back when told to', async () => {
    const room = hub.name('room');
    const leaving = await hub.add();
    const watcher = await hub.client('watcher', 0);
    await watcher.join(room);
    const on = Array.from({ length: 10 }, () => leaving);
    const crowd = await Crowd.gather({ room, random, on, back: () => hub.gateway(0).url });
    try {
      const told = crowd.clients.map((client) => client.next('draining'));
      const exit = leaving.term();
      const delays = (await Promise.all(told)).map(({ reconnectIn }) => reconnectIn);
      expect(Math.max(...delays)).toBeGreaterThan(0.2);
      expect(await exit).toBe(0);
      await until(async () => (await watcher.presence(room)).count === 11, { describe: 'all came back' });
      // What was announced before this is there before it.
      const marker = await watcher.message(room, 'marker');
      await watcher.waitFor('message', (frame) => frame.offset === messageOf(marker).offset);
      await crowd.rest([watcher]);
      for (const { user } of crowd.clients) expect(watcher.members.get(`${room} ${user} left`), `${user} left`).toBeUndefined();
    } finally {
      await crowd.close();
    }
  });

  it('[D1] those who do not come back are announced once, and counted no more', async () => {
    const room = hub.name('room');
    const leaving = await hub.add();
    const watcher = await hub.client('watcher', 0);
    await watcher.join(room);
    const ada = await ChatClient.connect(leaving.url, 'ada');
    await ada.join(room);
    expect(await watcher.onLineNumber()).toBe(2);
    expect(await leaving.term()).toBe(0);
    expect(await watcher.onLineNumber()).toBe(1);
    expect(await watcher.presence(room)).toMatchObject({ count: 1 });
    await watcher.waitFor('member', (frame) => frame.action === 'left' && frame.user?.id === 'ada');
    expect(watcher.members.get(`${room} ada left`)).toBe(1);
  });

  it('[D1] exits in time even where Redis is away', async () => {
    const leaving = await hub.add();
    const ada = await ChatClient.connect(leaving.url, 'ada');
    await ada.join('park');
    hub.backend.pause();
    try {
      const spent = stopwatch();
      expect(await leaving.term()).toBe(0);
      expect(spent()).toBeLessThan(ENOUGH_SECONDS * 1000 + MACHINE_MS);
      expect(await ada.closed).toMatchObject({ code: 1012 });
    } finally {
      hub.backend.resume();
    }
    await until(async () => (await fetch(`${hub.gateway(0).adminUrl}/readyz`)).status === 200, { timeoutMs: 30_000 });
    // Its presence was not given back: the lease runs out.
    const watcher = await hub.client('watcher', 0);
    await until(async () => (await watcher.onLineNumber()) === 1, { timeoutMs: 30_000, describe: 'ada gone' });
  });
});
