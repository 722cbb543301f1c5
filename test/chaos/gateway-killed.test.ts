import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { ChatClient } from '#test/support/chat-client.ts';
import { Crowd } from '#test/support/crowd.ts';
import { Random } from '#test/support/random.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { MACHINE_MS, until } from '#test/support/wait.ts';

/** P3: exact again within this time after a node died. */
const EXACT_MS = 10_000 + MACHINE_MS;
const LEASE_MS = 6000;

let hub: TestHub<RedisServer>;
const random = Random.fromEnvironment('gateway killed');
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 2 });
});
afterEach(() => hub.clear());
afterAll(() => hub?.stop());

describe('a gateway is killed', () => {
  it('[P3] [M4] [M5] those who come back lose nothing and are not announced, those who do not are announced once and counted no more', async () => {
    const room = hub.name('room');
    const victim = await hub.add();
    const [near, far] = [hub.gateway(0), hub.gateway(1)];
    const watchers = [await hub.client('watcher0', 0), await hub.client('watcher1', 1)];
    for (const watcher of watchers) await watcher.join(room);
    const crowd = await Crowd.gather({ room, random, on: Array.from({ length: 24 }, (_, i) => [victim, near, far][i % 3] ?? victim) });
    const ghosts = await Promise.all(
      Array.from({ length: 5 }, async (_, i) => {
        const ghost = await ChatClient.connect(victim.url, `ghost${i}`);
        await ghost.join(room);
        return ghost;
      }),
    );
    // A tab on the victim and one elsewhere: this user does not leave.
    const tab = await ChatClient.connect(victim.url, 'watcher0');
    await tab.join(room);
    try {
      crowd.talk(80);
      await crowd.progress(random.between(100, 250));
      await until(() => watchers.every((watcher) => watcher.online === 31 && watcher.roomOnline.get(room) === 31), {
        describe: 'all are counted',
      });
      const held = await victim.metric('parley_connections');
      expect(held).toBe(14);
      await victim.kill9();
      await Promise.all([
        until(async () => (await watchers[0]?.onLineNumber()) === 26, { timeoutMs: EXACT_MS, describe: 'the exact number online' }),
        until(() => watchers.every((watcher) => watcher.online === 26 && watcher.roomOnline.get(room) === 26), {
          timeoutMs: EXACT_MS,
          describe: () => `counts pushed: ${watchers.map((watcher) => `${watcher.online} ${watcher.roomOnline.get(room)}`).join(', ')}`,
        }),
      ]);
      expect((await watchers[1]?.presence(room))?.count).toBe(26);
      const reaped = await Promise.all([near, far].map((gateway) => gateway.metric('parley_presence_reaped_total')));
      expect((reaped[0] ?? 0) + (reaped[1] ?? 0), 'each connection of the dead node is removed once').toBe(held);
      await crowd.progress(100);
      await crowd.rest(watchers);
      expect(crowd.compare(watchers)).toMatchObject({ violations: [], told: 0 });
      for (const watcher of watchers) {
        for (const { user } of ghosts) expect(watcher.members.get(`${room} ${user} left`), `${user} left`).toBe(1);
        for (const { user } of crowd.clients) {
          expect(watcher.members.get(`${room} ${user} left`), `${user} left`).toBeUndefined();
          expect(watcher.members.get(`${room} ${user} joined`), `${user} joined`).toBe(1);
        }
        expect(watcher.members.get(`${room} watcher0 left`)).toBeUndefined();
      }
    } finally {
      await crowd.close();
    }
  });

  it('[P3] all gateways but one are killed at once', async () => {
    const room = hub.name('room');
    const victims = [await hub.add(), await hub.add()];
    const watcher = await hub.client('watcher', 0);
    await watcher.join(room);
    const guests = await Promise.all(Array.from({ length: 20 }, (_, i) => ChatClient.connect(victims[i % 2]?.url ?? '', `g${i}`)));
    await Promise.all(guests.map((guest) => guest.join(room)));
    // The 1 from before they came is not the one that is waited for below.
    await until(() => watcher.online === 21 && watcher.roomOnline.get(room) === 21, { describe: 'all are counted' });
    await Promise.all(victims.map((victim) => victim.kill9()));
    await until(() => watcher.online === 1 && watcher.roomOnline.get(room) === 1, { timeoutMs: EXACT_MS, describe: 'exact again' });
    expect(await watcher.presence(room)).toMatchObject({ count: 1, users: [{ id: 'watcher', name: 'watcher' }] });
    await until(() => guests.every(({ user }) => watcher.members.has(`${room} ${user} left`)));
    for (const { user } of guests) expect(watcher.members.get(`${room} ${user} left`)).toBe(1);
  });

  it('[P3] the last gateway is killed: the next one to start counts nobody twice', async () => {
    const room = hub.name('room');
    const guests = await Promise.all(Array.from({ length: 4 }, (_, i) => hub.client(`g${i}`, i % 2)));
    await Promise.all(guests.map((guest) => guest.join(room)));
    await Promise.all(hub.gateways.map((gateway) => gateway.kill9()));
    hub.gateways.length = 0;
    await hub.add();
    const late = await hub.client('late', 0);
    await late.join(room);
    // It cannot tell nodes that died from a Redis that was away, and gives every lease a full term: that comes on top.
    await until(async () => (await late.onLineNumber()) === 1 && (await late.presence(room)).count === 1, {
      timeoutMs: EXACT_MS + LEASE_MS,
    });
    await hub.add();
  });
});
