import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { ChatClient } from '#test/support/chat-client.ts';
import { Crowd } from '#test/support/crowd.ts';
import { Random } from '#test/support/random.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { MACHINE_MS, until } from '#test/support/wait.ts';

/** P3: exact again within this time. */
const EXACT_MS = 10_000 + MACHINE_MS;

let hub: TestHub<RedisServer>;
const random = Random.fromEnvironment('gateway frozen');
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 2 });
});
afterEach(() => hub.clear());
afterAll(() => hub?.stop());

describe('a gateway stands still for longer than its lease', () => {
  it('[P3] [M4] its sessions are gone within 10 s, and back within 10 s of its awakening; nothing is lost', async () => {
    const room = hub.name('room');
    const sleeper = await hub.add();
    const watcher = await hub.client('watcher', 0);
    await watcher.join(room);
    const crowd = await Crowd.gather({ room, random, on: Array.from({ length: 12 }, (_, i) => hub.gateway(i % 2)) });
    // Those who stay with the sleeper, and those who lose patience and go elsewhere meanwhile.
    const proxy = await TcpProxy.start({ target: sleeper.port });
    const door = { url: `ws://127.0.0.1:${proxy.port}`, ended: false };
    const six = <T>(item: T): T[] => Array.from({ length: 6 }, () => item);
    const elsewhere = (): string => random.pick([hub.gateway(0), hub.gateway(1)]).url;
    const patient = await Crowd.gather({ room, random, prefix: 'patient', on: six(sleeper) });
    const restless = await Crowd.gather({ room, random, prefix: 'restless', on: six(door), back: elsewhere });
    try {
      crowd.talk(100);
      await crowd.progress(60);
      await until(() => watcher.online === 25 && watcher.roomOnline.get(room) === 25, { describe: 'all are counted' });
      sleeper.freeze();
      proxy.sever();
      await until(() => watcher.online === 19 && watcher.roomOnline.get(room) === 19, {
        timeoutMs: EXACT_MS,
        describe: () => `19 are left, told ${watcher.online} and ${watcher.roomOnline.get(room)}`,
      });
      for (const { user } of patient.clients) expect(watcher.members.get(`${room} ${user} left`), `${user} left`).toBe(1);
      for (const { user } of restless.clients) expect(watcher.members.get(`${room} ${user} left`), `${user} left`).toBeUndefined();
      await crowd.progress(60);
      sleeper.thaw();
      await until(() => watcher.online === 25 && watcher.roomOnline.get(room) === 25, {
        timeoutMs: EXACT_MS,
        describe: () => `25 again, told ${watcher.online} and ${watcher.roomOnline.get(room)}`,
      });
      expect(patient.clients.flatMap(({ closes }) => closes)).toEqual([]);
      await patient.clients[0]?.say(room, 'good morning');
      await crowd.progress(60);
      const all = [...patient.clients, ...restless.clients, watcher];
      await crowd.rest(all);
      expect(crowd.compare(all)).toMatchObject({ violations: [], told: 0 });
      expect(await watcher.onLineNumber()).toBe(25);
      expect(await patient.clients[0]?.client.presence(room)).toMatchObject({ count: 25 });
      for (const { user } of patient.clients) expect(watcher.members.get(`${room} ${user} left`), `${user} left once`).toBe(1);
      // Its late writes took nobody out who lives elsewhere.
      await patient.close();
      await until(async () => (await watcher.presence(room)).count === 19 && (await watcher.onLineNumber()) === 19, {
        timeoutMs: 1000 + MACHINE_MS,
        describe: 'the patient left',
      });
    } finally {
      sleeper.thaw();
      await Promise.all([crowd, patient, restless].map((gathered) => gathered.close()));
      await proxy.stop();
    }
  });

  it('[P3] one whose clients all left while it slept counts nobody when it wakes', async () => {
    const room = hub.name('room');
    const sleeper = await hub.add();
    const watcher = await hub.client('watcher', 0);
    const guests = await Promise.all(Array.from({ length: 8 }, (_, i) => ChatClient.connect(sleeper.url, `g${i}`)));
    await Promise.all([watcher, ...guests].map((client) => client.join(room)));
    await until(() => watcher.online === 9, { describe: 'all are counted' });
    sleeper.freeze();
    try {
      for (const guest of guests) guest.reset();
      await until(() => watcher.online === 1, { timeoutMs: EXACT_MS, describe: 'the sleeper was reaped' });
    } finally {
      sleeper.thaw();
    }
    // It finds its sockets broken and its lease gone, in either order.
    await until(async () => (await sleeper.metric('parley_connections')) === 0, { timeoutMs: EXACT_MS });
    await until(async () => (await watcher.onLineNumber()) === 1 && (await watcher.presence(room)).count === 1, { timeoutMs: EXACT_MS });
    const late = await ChatClient.connect(sleeper.url, 'late');
    expect(await late.onLineNumber()).toBe(2);
    await late.close();
  });
});
