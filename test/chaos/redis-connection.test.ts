import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ChatClient } from '#test/support/chat-client.ts';
import { Crowd } from '#test/support/crowd.ts';
import { Random } from '#test/support/random.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { MACHINE_MS, until } from '#test/support/wait.ts';

/** P3: exact again within this time. */
const EXACT_MS = 10_000 + MACHINE_MS;

let hub: TestHub<RedisServer>;
let proxy: TcpProxy;
const random = Random.fromEnvironment('redis connection');
TestHub.showLogs(() => hub);
beforeEach(async () => {
  const redis = await RedisServer.start();
  hub = await TestHub.start(redis, { gateways: 1 });
  proxy = await TcpProxy.start({ target: redis.port });
  // The second gateway reaches Redis through the proxy.
  await hub.add({ REDIS_URL: `redis://127.0.0.1:${proxy.port}` });
});
afterEach(async () => {
  await hub?.stop();
  await proxy?.stop();
});

async function gather(room: string): Promise<Crowd> {
  return await Crowd.gather({ room, random, on: Array.from({ length: 12 }, (_, i) => hub.gateway(i % 2)) });
}

async function ready(index: number, status: number): Promise<void> {
  await until(async () => (await fetch(`${hub.gateway(index).adminUrl}/readyz`)).status === status, {
    timeoutMs: 20_000,
    describe: `readiness ${status} of gateway ${index}`,
  });
}

/** Gaps found and filled on the node behind the proxy, and found on the other one. */
function gaps(): Promise<number[]> {
  const [direct, proxied] = [hub.gateway(0), hub.gateway(1)];
  return Promise.all([
    proxied.metric('parley_gaps_found_total'),
    proxied.metric('parley_gaps_filled_total'),
    direct.metric('parley_gaps_found_total'),
  ]);
}

async function finish(crowd: Crowd, others: readonly ChatClient[] = []): Promise<void> {
  await crowd.rest(others);
  expect(crowd.compare(others)).toMatchObject({ violations: [], told: 0 });
  const [first] = crowd.clients;
  const count = crowd.clients.length + others.length;
  await until(async () => (await first?.client.online()) === count && (await first?.client.presence(crowd.room))?.count === count, {
    timeoutMs: EXACT_MS,
    describe: `exact: ${count}`,
  });
  await crowd.close();
}

describe('one node is cut off from Redis while the others talk', () => {
  it('[M4] [P3] partitioned for longer than its lease, then healed: gone and announced once, back, nothing lost', async () => {
    const room = hub.name('room');
    const watcher = await hub.client('watcher', 0);
    await watcher.join(room);
    const crowd = await gather(room);
    crowd.talk(80);
    await crowd.progress(60);
    await until(() => watcher.online === 13 && watcher.roomOnline.get(room) === 13, { describe: 'all are counted' });
    proxy.cut();
    await until(() => watcher.online === 7 && watcher.roomOnline.get(room) === 7, {
      timeoutMs: EXACT_MS,
      describe: () => `7 are left, told ${watcher.online} and ${watcher.roomOnline.get(room)}`,
    });
    await until(() => crowd.clients.filter(({ user }) => watcher.members.has(`${room} ${user} left`)).length === 6);
    await crowd.progress(60);
    proxy.heal();
    await until(() => watcher.online === 13 && watcher.roomOnline.get(room) === 13, {
      timeoutMs: EXACT_MS,
      describe: () => `13 again, told ${watcher.online} and ${watcher.roomOnline.get(room)}`,
    });
    await crowd.progress(100);
    for (const { user } of crowd.clients) expect(watcher.members.get(`${room} ${user} left`) ?? 0).toBeLessThanOrEqual(1);
    await finish(crowd, [watcher]);
    expect(
      crowd.clients.every((client) => client.closes[0]?.closeCode !== 4009),
      'STATE_LOST is for longer cuts',
    ).toBe(true);
  });

  it('[P3] what a cut off node wrote arrives when it has been given up: nobody is counted for ever, nobody taken out who is there', async () => {
    const room = hub.name('room');
    const watcher = await hub.client('watcher', 0);
    await watcher.join(room);
    const stayers = await Promise.all(Array.from({ length: 4 }, (_, i) => hub.client(`stayer${i}`, 1)));
    const leavers = await Promise.all(Array.from({ length: 4 }, (_, i) => hub.client(`leaver${i}`, 1)));
    await Promise.all([...stayers, ...leavers].map((client) => client.join(room)));
    await until(() => watcher.online === 9 && watcher.roomOnline.get(room) === 9, { describe: 'all are counted' });
    proxy.cut();
    // Comings and goings that get no further than the cut, of users who are elsewhere too and of some who are not.
    const comers = Array.from({ length: 6 }, (_, i) => hub.client(`comer${i}`, 1).catch(() => undefined));
    await Promise.all(leavers.map((client) => client.close()));
    for (const [i, stayer] of stayers.entries()) if (i < 2) stayer.send({ type: 'leave', room });
    const moved = await hub.client('leaver0', 0);
    await moved.join(room);
    await until(() => watcher.online === 2 && watcher.roomOnline.get(room) === 2, {
      timeoutMs: EXACT_MS,
      describe: () => `2 are left, told ${watcher.online} and ${watcher.roomOnline.get(room)}`,
    });
    const came = (await Promise.all(comers)).filter((client) => client !== undefined);
    proxy.heal();
    await ready(1, 200);
    const online = 2 + stayers.filter((client) => client.connected).length + came.filter((client) => client.connected).length;
    const inRoom = 2 + stayers.filter((client, i) => client.connected && i >= 2).length;
    await until(() => watcher.online === online && watcher.roomOnline.get(room) === inRoom, {
      timeoutMs: EXACT_MS,
      describe: () => `${online} and ${inRoom}, told ${watcher.online} and ${watcher.roomOnline.get(room)}`,
    });
    expect(await watcher.onLineNumber()).toBe(online);
    expect(await watcher.presence(room)).toMatchObject({ count: inRoom });
    await Promise.all([...stayers, ...came].map((client) => client.close()));
    await until(async () => (await watcher.onLineNumber()) === 2 && (await watcher.presence(room)).count === 2, { timeoutMs: EXACT_MS });
  });

  it('[M4] every connection to Redis is reset, again and again', async () => {
    const crowd = await gather(hub.name('room'));
    crowd.talk(60);
    for (let i = 0; i < 4; i += 1) {
      await crowd.progress(random.between(30, 80));
      proxy.sever();
    }
    await crowd.progress(80);
    await finish(crowd);
    expect(crowd.clients.every((client) => client.closes.length <= 1)).toBe(true);
    expect(await hub.gateway(1).metric('parley_redis_reconnects_total')).toBeGreaterThanOrEqual(4);
    expect(await hub.gateway(0).metric('parley_redis_reconnects_total')).toBe(0);
  });

  it('[M4] Redis refuses the node for a while', async () => {
    const crowd = await gather(hub.name('room'));
    const before = await gaps();
    crowd.talk(60);
    await crowd.progress(60);
    proxy.refuse();
    await ready(1, 503);
    await crowd.progress(30);
    proxy.heal();
    await ready(1, 200);
    await crowd.progress(80);
    await finish(crowd);
    // What was said meanwhile was missing on the node that was refused, and there alone.
    const [found = 0, filled, elsewhere] = (await gaps()).map((value, i) => value - (before[i] ?? 0));
    expect(found).toBeGreaterThan(0);
    expect({ filled, elsewhere }).toEqual({ filled: found, elsewhere: 0 });
  });

  it('[C 4009] a node that is cut off for too long sends its connections elsewhere', async () => {
    const impatient = await hub.add({ REDIS_URL: `redis://127.0.0.1:${proxy.port}`, STATE_LOST_SECONDS: '2' });
    const room = hub.name('room');
    const ada = await ChatClient.connect(impatient.url, 'ada');
    await ada.join(room);
    await ada.message(room, 'one');
    const bob = await hub.client('bob', 0);
    await bob.join(room);
    proxy.cut();
    try {
      expect(await ada.closed).toEqual({ code: 4009, reason: 'STATE_LOST' });
      await bob.message(room, 'two');
      const [joined] = await ada.reconnect(hub.gateway(0).url);
      expect(joined).toMatchObject({ recovered: true, offset: 2 });
    } finally {
      proxy.heal();
    }
    await until(async () => (await bob.onLineNumber()) === 2, { timeoutMs: EXACT_MS });
    await ada.close();
  });
});

describe('connections are killed on the side of Redis', () => {
  it.each(['pubsub', 'normal'])('[M4] CLIENT KILL TYPE %s in the middle of the talk loses nothing', async (type) => {
    const crowd = await gather(hub.name('room'));
    crowd.talk(50);
    for (let i = 0; i < 6; i += 1) {
      await crowd.progress(random.between(20, 60));
      await hub.backend.command('CLIENT', 'KILL', 'TYPE', type);
    }
    await crowd.progress(60);
    expect(crowd.clients.flatMap((client) => client.closes)).toEqual([]);
    await finish(crowd);
  });

  it('[M4] a gap is filled at once, not with the next message', async () => {
    const room = hub.name('room');
    const ada = await hub.client('ada', 0);
    const bob = await hub.client('bob', 1);
    await ada.join(room);
    await bob.join(room);
    await ada.message(room, 'one');
    await until(() => bob.ledger.position(room)?.offset === 1);
    proxy.refuse();
    await ready(1, 503);
    await ada.message(room, 'two');
    await ada.message(room, 'three');
    proxy.heal();
    await until(() => bob.ledger.position(room)?.offset === 3, {
      timeoutMs: 10_000,
      describe: 'what was missed, without a further message',
    });
    expect(bob.ledger.violations).toEqual([]);
    expect(bob.ledger.told(room)).toBe(0);
  });

  it('[M4] a subscriber connection that is silent, not closed, is noticed', async () => {
    const room = hub.name('room');
    const ada = await hub.client('ada', 0);
    const bob = await hub.client('bob', 1);
    await ada.join(room);
    await bob.join(room);
    proxy.cut();
    await ada.message(room, 'one');
    await ready(1, 503);
    // What was cut stays dead, new connections pass: a middlebox that forgot the old ones.
    proxy.forget();
    await until(() => bob.ledger.position(room)?.offset === 1, { timeoutMs: 20_000, describe: 'the message over a new connection' });
    expect(bob.ledger.violations).toEqual([]);
  });
});

describe('a node hears of publications later than the others', () => {
  it('[M4] [M5] who comes to it from a faster one misses nothing, gets nothing twice, and is told of no loss', async () => {
    const room = hub.name('room');
    const crowd = await gather(room);
    proxy.lag(400);
    crowd.talk(80);
    await crowd.progress(40);
    const [near, far] = [hub.gateway(0).url, hub.gateway(1).url];
    const travellers = await Promise.all(Array.from({ length: 6 }, (_, i) => hub.client(`traveller${i}`, 0)));
    await Promise.all(travellers.map((client) => client.join(room)));
    // A tab of each is on the slow node all the time: its own channel is listened to there, and holds up nobody who comes.
    await Promise.all(travellers.map((client) => hub.client(client.user, 1)));
    for (let turn = 0; turn < 6; turn += 1) {
      await crowd.progress(10);
      await Promise.all(travellers.map((client) => client.reconnect(turn % 2 === 0 ? far : near)));
    }
    // New ones on the slow node, amid traffic.
    const late = await Promise.all(Array.from({ length: 4 }, (_, i) => hub.client(`late${i}`, 1)));
    await Promise.all(late.map((client) => client.join(room)));
    await crowd.progress(20);
    await finish(crowd, [...travellers, ...late]);
  });
});
