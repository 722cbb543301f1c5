import { randomUUID } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';

import { ChatClient, ConnectionLost } from '#test/support/chat-client.ts';
import type { GatewayProcess } from '#test/support/gateway-process.ts';
import { compareLedgers } from '#test/support/ledger.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { messageOf } from '#test/support/server-frame.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { MACHINE_MS, until } from '#test/support/wait.ts';

// Each has two or three gateways to start: more at a time would keep one another waiting.
vi.setConfig({ maxConcurrency: 3 });

/** P3: exact again within this time. */
const EXACT_MS = 10_000 + MACHINE_MS;

/** Each test has a hub of its own: they mostly wait for a lease to run out, and do so beside each other. */
async function withHub(test: (hub: TestHub<RedisServer>) => Promise<void>): Promise<void> {
  const hub = await TestHub.single({ gateways: 1 });
  try {
    await test(hub);
  } catch (error) {
    hub.printLogs();
    throw error;
  } finally {
    await hub.stop();
  }
}

async function armed(hub: TestHub<RedisServer>, points: string): Promise<GatewayProcess> {
  return await hub.add({ FAIL_POINTS: points });
}

/**
 * What is asked and what was pushed agree on `count`, the watcher among them. All at once: while nodes come and go, one of them alone can be right
 * for a moment, or the number be right with another person in it.
 */
async function exact(watcher: ChatClient, room: string, count: number, timeoutMs = EXACT_MS): Promise<void> {
  let asked: readonly (number | undefined)[] = [];
  let there = false;
  const pushed = () => [watcher.online, watcher.roomOnline.get(room)];
  await until(
    async () => {
      const inRoom = await watcher.presence(room);
      asked = [await watcher.onLineNumber(), inRoom.count];
      there = inRoom.users?.some(({ id }) => id === watcher.user) === true;
      return there && [...asked, ...pushed()].every((told) => told === count);
    },
    { timeoutMs, describe: () => `exactly ${count}: asked ${asked}, pushed ${pushed()}, watcher there: ${there}` },
  );
}

/** Each of these users was announced as gone as often as it was as come. Announcements and answers come by different ways. */
async function evenlyAnnounced(watcher: ChatClient, room: string, users: readonly string[]): Promise<void> {
  const times = (user: string, action: string): number => watcher.members.get(`${room} ${user} ${action}`) ?? 0;
  const told = (): string => users.map((user) => `${user} ${times(user, 'joined')} ${times(user, 'left')}`).join(', ');
  await until(() => users.every((user) => times(user, 'joined') === times(user, 'left')), { describe: () => `joined and left: ${told()}` });
}

/** Stopped by itself (SIGSTOP), as /proc says. */
async function stopped(gateway: GatewayProcess): Promise<void> {
  const { readFile } = await import('node:fs/promises');
  await until(async () => /^State:\s+T/m.test(await readFile(`/proc/${gateway.pid}/status`, 'utf8')), {
    describe: 'frozen at its fail-point',
  });
}

describe.concurrent('a gateway dies between a script and what follows it', () => {
  it('[M2] [M4] after-publish: the message is there, the retry on another node gets the same ack and makes no second one', async () =>
    withHub(async (hub) => {
      const room = hub.name('room');
      const victim = await armed(hub, 'after-publish@2=kill');
      const bob = await hub.client('bob', 0);
      await bob.join(room);
      const ada = await ChatClient.connect(victim.url, 'ada');
      await ada.join(room);
      await ada.message(room, 'one');
      const id = randomUUID();
      await expect(ada.message(room, 'two', { id })).rejects.toThrow('connection ended');
      await victim.exited;
      await bob.waitFor('message', (frame) => messageOf(frame).text === 'two');
      await ada.reconnect(hub.gateway(0).url);
      const ack = await ada.message(room, 'two', { id });
      expect(messageOf(ack).offset).toBe(2);
      expect(messageOf(await ada.message(room, 'three')).offset).toBe(3);
      await until(() => bob.ledger.position(room)?.offset === 3 && ada.ledger.position(room)?.offset === 3);
      expect(compareLedgers([ada.ledger, bob.ledger], room)).toMatchObject({ violations: [], told: 0, messages: 3 });
      await ada.close();
    }));

  it('[M2] after-publish: one that freezes there, and wakes after the retry, changes nothing', async () =>
    withHub(async (hub) => {
      const room = hub.name('room');
      const sleeper = await armed(hub, 'after-publish=freeze');
      const bob = await hub.client('bob', 0);
      await bob.join(room);
      const ada = await ChatClient.connect(sleeper.url, 'ada');
      await ada.join(room);
      const id = randomUUID();
      ada.message(room, 'one', { id }).catch(() => {});
      await stopped(sleeper);
      await ada.reconnect(hub.gateway(0).url);
      const ack = await ada.message(room, 'one', { id });
      expect(messageOf(ack).offset).toBe(1);
      sleeper.thaw();
      await until(async () => (await sleeper.metric('parley_connections')) === 0);
      expect(messageOf(await bob.message(room, 'two')).offset).toBe(2);
      await until(() => ada.ledger.position(room)?.offset === 2);
      expect(compareLedgers([ada.ledger, bob.ledger], room)).toMatchObject({ violations: [], messages: 2 });
      await ada.close();
      await sleeper.kill9();
    }));

  it.each([
    ['after-connect', 3],
    ['after-enter', 3],
  ])('[P3] %s: who was just registered is not counted for ever', async (point, pass) =>
    withHub(async (hub) => {
      const room = hub.name('room');
      const watcher = await hub.client('watcher', 0);
      await watcher.join(room);
      const victim = await armed(hub, `${point}@${pass}=kill`);
      const guests = await Promise.allSettled(
        Array.from({ length: 3 }, async (_, i) => {
          const guest = await ChatClient.connect(victim.url, `g${i}`);
          await guest.join(room);
        }),
      );
      expect(guests.some((guest) => guest.status === 'rejected')).toBe(true);
      await victim.exited;
      await exact(watcher, room, 1);
      await evenlyAnnounced(watcher, room, ['g0', 'g1', 'g2']);
    }),
  );

  it('[P3] after-leave: the one who left is announced once, the others too', async () =>
    withHub(async (hub) => {
      const room = hub.name('room');
      const watcher = await hub.client('watcher', 0);
      await watcher.join(room);
      const victim = await armed(hub, 'after-leave=kill');
      const guests = await Promise.all(Array.from({ length: 3 }, (_, i) => ChatClient.connect(victim.url, `g${i}`)));
      for (const guest of guests) await guest.join(room);
      await guests[0]?.leave(room).catch(() => {});
      await victim.exited;
      await exact(watcher, room, 1);
      await evenlyAnnounced(watcher, room, ['g0', 'g1', 'g2']);
      for (const { user } of guests) expect(watcher.members.get(`${room} ${user} left`), user).toBe(1);
    }));

  it.each(['after-reap-claim', 'after-reap'])(
    '[P3] %s: the one that clears up after a dead node dies too, a third one finishes',
    async (point) =>
      withHub(async (hub) => {
        const room = hub.name('room');
        const watcher = await hub.client('watcher', 0);
        await watcher.join(room);
        // The watcher's own gateway must not be the one to clear up: it stands still meanwhile.
        const reaper = await armed(hub, `${point}=kill`);
        const victim = await hub.add();
        const guests = await Promise.all(Array.from({ length: 4 }, (_, i) => ChatClient.connect(i < 3 ? victim.url : reaper.url, `g${i}`)));
        for (const guest of guests) await guest.join(room);
        hub.gateway(0).freeze();
        try {
          await victim.kill9();
          await until(() => reaper.ended, { timeoutMs: 60_000, describe: `${point} was reached` });
        } finally {
          hub.gateway(0).thaw();
        }
        // Two nodes died one after the other, and this one slept.
        await exact(watcher, room, 1, 2 * EXACT_MS);
        await until(() => guests.every(({ user }) => watcher.members.has(`${room} ${user} left`)), { describe: 'all announced' });
        for (const { user } of guests) expect(watcher.members.get(`${room} ${user} left`), user).toBe(1);
      }),
  );
});

/** Connects, again where a gateway that slept in the middle of it sends the connection away (1013). */
function comeIn(url: string, user: string): Promise<ChatClient> {
  const attempt = (): Promise<ChatClient | undefined> =>
    ChatClient.connect(url, user, { timeoutMs: 40_000 }).catch((error: unknown) => {
      if (error instanceof ConnectionLost) return undefined;
      throw error;
    });
  return until(attempt, { timeoutMs: 60_000, describe: `${user} is in` });
}

describe.concurrent('a gateway freezes between a script and what follows it, for longer than its lease', () => {
  it.each(['after-connect', 'after-enter', 'after-leave'])('[P3] %s: exact while it sleeps, exact when it wakes', async (point) =>
    withHub(async (hub) => {
      const room = hub.name('room');
      const watcher = await hub.client('watcher', 0);
      await watcher.join(room);
      const sleeper = await armed(hub, `${point}@2=freeze`);
      const guests: ChatClient[] = [];
      const come = async (i: number): Promise<void> => {
        const guest = await comeIn(sleeper.url, `g${i}`);
        guests.push(guest);
        await guest.join(room);
        if (point === 'after-leave' && i < 2) await guest.leave(room);
      };
      const coming = (async () => {
        for (let i = 0; i < 3; i += 1) await come(i);
      })();
      await stopped(sleeper);
      await exact(watcher, room, 1);
      sleeper.thaw();
      await coming;
      await until(async () => (await watcher.onLineNumber()) === 4, { timeoutMs: EXACT_MS, describe: '4 online' });
      const inRoom = point === 'after-leave' ? 2 : 4;
      await until(async () => (await watcher.presence(room)).count === inRoom, { timeoutMs: EXACT_MS, describe: `${inRoom} in the room` });
      await Promise.all(guests.map((guest) => guest.close()));
      await exact(watcher, room, 1);
      await evenlyAnnounced(
        watcher,
        room,
        guests.map(({ user }) => user),
      );
      await sleeper.kill9();
    }),
  );
});
