import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { RedisKeys } from '#libs/redis/keys.ts';
import { ChatClient } from '#test/support/chat-client.ts';
import { Crowd } from '#test/support/crowd.ts';
import { signToken } from '#test/support/jwt.ts';
import { compareLedgers } from '#test/support/ledger.ts';
import { Random } from '#test/support/random.ts';
import type { RedisCluster } from '#test/support/redis-cluster.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { MACHINE_MS, until } from '#test/support/wait.ts';

/** P3: exact again within this time. */
const EXACT_MS = 10_000 + MACHINE_MS;

let hub: TestHub<RedisCluster>;
const keys = new RedisKeys('parley', true);
const random = Random.fromEnvironment('cluster');
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.cluster({ gateways: 2 });
});
afterEach(() => hub.clear());
afterAll(() => hub?.stop());

/** Rooms that lie on all three masters. */
async function spread(): Promise<string[]> {
  const rooms = Array.from({ length: 12 }, () => hub.name('room'));
  const masters = new Set(await Promise.all(rooms.map(async (room) => (await hub.backend.masterOf(keys.meta(room))).port)));
  expect(masters.size).toBe(3);
  return rooms;
}

describe('two gateways on a Cluster of three masters', () => {
  it('[M3] [M4] [R3] [R4] rooms of every master carry messages over the nodes, live rooms too', async () => {
    const rooms = [...(await spread()), ...(await spread()).map((room) => `live:${room}`)];
    const clients = await Promise.all([hub.client('ada', 0), hub.client('bob', 1)]);
    for (const client of clients) {
      client.send({ type: 'join', id: 'all', rooms: rooms.map((room) => ({ room })) });
      await until(() => client.received.get('joined') === rooms.length);
    }
    await Promise.all(rooms.flatMap((room) => clients.map((client) => client.message(room, 'hi'))));
    await until(() => clients.every((client) => client.received.get('message') === 2 * rooms.length), {
      describe: () => `${2 * rooms.length} each: ${clients.map((client) => client.received.get('message')).join(' ')}`,
    });
    const ledgers = clients.map((client) => client.ledger);
    for (const room of rooms) expect(compareLedgers(ledgers, room)).toMatchObject({ violations: [], told: 0 });
  });

  it('[P1] [P2] counts are exact over shards: many users, many rooms, tabs on both nodes', async () => {
    const rooms = await spread();
    const watcher = await hub.client('watcher', 0);
    for (const room of rooms) await watcher.join(room);
    const guests = await Promise.all(Array.from({ length: 40 }, (_, i) => hub.client(`g${i % 30}`, i % 2)));
    await Promise.all(guests.map((guest, i) => guest.join(rooms[i % rooms.length] ?? '')));
    await until(() => watcher.online === 31, { timeoutMs: 1000 + MACHINE_MS, describe: () => `31 told, not ${watcher.online}` });
    let sum = 0;
    for (const room of rooms) sum += (await watcher.presence(room)).count ?? 0;
    const inRooms = new Set(guests.map(({ user }, i) => `${user} ${i % rooms.length}`)).size;
    expect(sum).toBe(inRooms + rooms.length);
    for (const room of rooms) {
      const members = guests.filter((_, i) => rooms[i % rooms.length] === room).map(({ user }) => user);
      await until(() => members.every((user) => watcher.members.has(`${room} ${user} joined`)), {
        describe: `members of ${room} announced`,
      });
    }
    await Promise.all(guests.map((guest) => guest.close()));
    await until(() => watcher.online === 1, { timeoutMs: 1000 + MACHINE_MS, describe: () => `1 told, not ${watcher.online}` });
    // Going offline and leaving a room are told apart.
    for (const room of rooms) await until(async () => (await watcher.presence(room)).count === 1, { describe: `alone in ${room}` });
  });

  it('[M2] [M5] a retry on the other node is the same message, a return gives exactly what was missed', async () => {
    for (const room of await spread()) {
      const ada = await hub.client('ada', 0);
      const bob = await hub.client('bob', 1);
      await ada.join(room);
      await bob.join(room);
      const id = randomUUID();
      const first = await ada.message(room, 'one', { id });
      await until(() => bob.ledger.position(room)?.offset === 1);
      bob.raw.reset();
      await bob.closed;
      await ada.reconnect(hub.gateway(1).url);
      expect((await ada.message(room, 'one', { id })).message).toEqual(first.message);
      await ada.message(room, 'two');
      const [joined] = await bob.reconnect(hub.gateway(0).url);
      expect(joined).toMatchObject({ recovered: true, offset: 2 });
      expect(joined?.messages?.map(({ message }) => message.text)).toEqual(['two']);
      await Promise.all([ada.close(), bob.close()]);
    }
  });

  it('[R4] single sessions are kept over nodes', async () => {
    const single = [await hub.add({ SESSIONS: 'single' }), await hub.add({ SESSIONS: 'single' })];
    for (let i = 0; i < 6; i += 1) {
      const user = hub.name('solo');
      const connect = (gateway: number, login: string): Promise<ChatClient> =>
        ChatClient.connect(single[gateway]?.url ?? '', user, { token: signToken({ sub: user, login }) });
      const old = await connect(0, 'one');
      const fresh = await connect(1, 'two');
      expect(await old.closed).toMatchObject({ code: 4509 });
      await fresh.close();
    }
    // Killed before they told that the last one left, they would leave it to their leases, and to the next test.
    const watcher = await hub.client('watcher', 0);
    await until(async () => (await watcher.onLineNumber()) === 1, { describe: 'all gone' });
    await Promise.all(single.map((gateway) => gateway.kill9()));
  });

  it('[P3] a gateway is killed: exact again within 10 s, each announced once', async () => {
    const victim = await hub.add();
    const room = hub.name('room');
    const watcher = await hub.client('watcher', 0);
    await watcher.join(room);
    const guests = await Promise.all(Array.from({ length: 20 }, (_, i) => ChatClient.connect(victim.url, `g${i}`)));
    await Promise.all(guests.map((guest) => guest.join(room)));
    // The 1 from before they came is not the one that is waited for below.
    await until(() => watcher.online === 21 && watcher.roomOnline.get(room) === 21, {
      describe: () => `21 told, not ${watcher.online} and ${watcher.roomOnline.get(room)}`,
    });
    await victim.kill9();
    await until(() => watcher.online === 1 && watcher.roomOnline.get(room) === 1, {
      timeoutMs: EXACT_MS,
      describe: () => `1 told, not ${watcher.online} and ${watcher.roomOnline.get(room)}`,
    });
    for (const { user } of guests) expect(watcher.members.get(`${room} ${user} left`), user).toBe(1);
  });

  it('[M4] [P3] one master is lost and comes back empty: its rooms are told, the others feel nothing, all are put back', async () => {
    const rooms = await spread();
    const byMaster = new Map<number, string>();
    for (const room of rooms) byMaster.set((await hub.backend.masterOf(keys.meta(room))).port, room);
    const crowds = await Promise.all(
      [...byMaster.values()].map((room, i) =>
        Crowd.gather({ room, random, prefix: `c${i}-`, on: Array.from({ length: 6 }, (_, n) => hub.gateway(n % 2)) }),
      ),
    );
    for (const crowd of crowds) crowd.talk(120);
    await Promise.all(crowds.map((crowd) => crowd.progress(30)));
    const victim = hub.backend.masters[1];
    await victim?.restartEmpty();
    await Promise.all(crowds.map((crowd) => crowd.progress(30, 40_000)));
    const [first] = crowds[0]?.clients ?? [];
    await until(async () => (await first?.client.online()) === 18, { timeoutMs: EXACT_MS, everyMs: 100, describe: '18 online' });
    for (const [i, port] of [...byMaster.keys()].entries()) {
      const crowd = crowds[i];
      await crowd?.rest();
      const result = crowd?.compare();
      expect(result?.violations).toEqual([]);
      if (port !== victim?.port) expect(result?.told, 'a room of another master').toBe(0);
      await until(async () => (await crowd?.clients[0]?.client.presence(crowd.room))?.count === 6, { timeoutMs: EXACT_MS, everyMs: 100 });
    }
    for (const crowd of crowds) {
      for (const client of crowd.clients) expect(client.closes).toEqual([]);
      await crowd.close();
    }
  });
});
