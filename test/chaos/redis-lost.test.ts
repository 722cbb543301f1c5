import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Crowd } from '#test/support/crowd.ts';
import { compareLedgers } from '#test/support/ledger.ts';
import { Random } from '#test/support/random.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { MACHINE_MS, until } from '#test/support/wait.ts';

/** P3: exact again within this time. */
const EXACT_MS = 10_000 + MACHINE_MS;

let hub: TestHub<RedisServer>;
const random = Random.fromEnvironment('redis lost');
TestHub.showLogs(() => hub);
beforeEach(async () => {
  hub = await TestHub.single({ gateways: 2 });
});
afterEach(() => hub?.stop());

async function gather(room: string, size: number): Promise<Crowd> {
  return await Crowd.gather({ room, random, on: Array.from({ length: size }, (_, i) => hub.gateway(i % 2)) });
}

/** Nobody left and nobody came as far as the others can see. */
function expectSilence(crowd: Crowd): void {
  for (const client of crowd.clients) {
    for (const { user } of crowd.clients) {
      expect(client.attendance.members.get(`${crowd.room} ${user} left`), `${client.user} saw ${user} leave`).toBeUndefined();
      expect(client.attendance.members.get(`${crowd.room} ${user} joined`) ?? 0, `${client.user} saw ${user} come`).toBeLessThanOrEqual(1);
    }
  }
}

async function expectExact(crowd: Crowd): Promise<void> {
  const [first] = crowd.clients;
  const count = crowd.clients.length;
  await until(async () => (await first?.client.online()) === count && (await first?.client.presence(crowd.room))?.count === count, {
    timeoutMs: EXACT_MS,
    describe: `everybody is put back: ${count}`,
  });
}

describe('Redis is lost', () => {
  it('[M3] [M4] [P3] restarted empty: a new epoch, everybody is told, put back silently, and the talk goes on', async () => {
    const crowd = await gather(hub.name('room'), 12);
    crowd.talk(60);
    await crowd.progress(100);
    await hub.backend.restartEmpty();
    await expectExact(crowd);
    await crowd.progress(100);
    await crowd.rest();
    const result = crowd.compare();
    expect(result.violations).toEqual([]);
    expect(result.told, 'each is told once').toBe(12);
    for (const gateway of hub.gateways) {
      const [found, filled] = [await gateway.metric('parley_gaps_found_total'), await gateway.metric('parley_gaps_filled_total')];
      expect(found, 'a loss is a gap that was not filled').toBeGreaterThan(filled);
      expect(await gateway.metric('parley_recoveries_total', 'result="lost"')).toBe(1);
    }
    expect(new Set(crowd.clients.map((client) => client.ledger.segments(crowd.room).at(-1)?.epoch)).size).toBe(1);
    expect(crowd.clients.every((client) => client.closes.length === 0)).toBe(true);
    expectSilence(crowd);
    await crowd.close();
  });

  it('[M3] [M4] restarted with older data: no offset is given twice in one epoch, everybody is told', async () => {
    const crowd = await gather(hub.name('room'), 12);
    crowd.talk(60);
    await crowd.progress(random.between(30, 80));
    await hub.backend.save();
    await crowd.progress(random.between(30, 120));
    await hub.backend.restartFromSnapshot();
    await expectExact(crowd);
    await crowd.progress(100);
    await crowd.rest();
    const result = crowd.compare();
    expect(result.violations).toEqual([]);
    expect(result.told).toBe(12);
    expectSilence(crowd);
    await crowd.close();
  });

  it('[M3] restarted with older data while nobody talks: the next message is not taken for an old one', async () => {
    const room = hub.name('room');
    const ada = await hub.staying('ada', 0);
    const bob = await hub.staying('bob', 1);
    const { epoch = '' } = await ada.client.join(room);
    await bob.client.join(room);
    for (let i = 0; i < 3; i += 1) await ada.say(room, `before ${i}`);
    await hub.backend.save();
    for (let i = 3; i < 9; i += 1) await ada.say(room, `before ${i}`);
    await until(() => bob.ledger.position(room)?.offset === 9);
    const told = [ada, bob].map((client) => client.next('resync'));
    await hub.backend.restartFromSnapshot();
    for (const resync of await Promise.all(told)) {
      expect(resync).toMatchObject({ room, reason: 'resync' });
      expect(resync.epoch).not.toBe(epoch);
    }
    const { offset } = await ada.say(room, 'after');
    // Both, and at this one: the ack may come before either has the message, when they are level too.
    await until(() => [ada, bob].every(({ ledger }) => ledger.position(room)?.offset === offset));
    expect(bob.texts(room).at(-1)).toBe('after');
    expect(compareLedgers([ada.ledger, bob.ledger], room)).toMatchObject({ violations: [], told: 2 });
    // Who was away over all this is told as well.
    const late = await hub.client('late', 0);
    const joined = await late.request({ type: 'join', room, since: { epoch, offset: 5 } });
    expect(joined.recovered).toBe(false);
  });

  it('[M4] killed in the middle of the talk and restarted several times', async () => {
    const crowd = await gather(hub.name('room'), 8);
    crowd.talk(60);
    for (let i = 0; i < 3; i += 1) {
      await crowd.progress(random.between(20, 60));
      await hub.backend.restartEmpty();
    }
    await crowd.progress(50);
    await crowd.rest();
    expect(crowd.compare().violations).toEqual([]);
    await expectExact(crowd);
    expectSilence(crowd);
    await crowd.close();
  });

  it('[M4] [P3] frozen for a while, it is felt as a pause: nothing lost, nobody told of a loss', async () => {
    const crowd = await gather(hub.name('room'), 12);
    crowd.talk(60);
    await crowd.progress(60);
    hub.backend.pause();
    await until(async () => (await fetch(`${hub.gateway(0).adminUrl}/readyz`)).status === 503, { timeoutMs: 20_000 });
    hub.backend.resume();
    await crowd.progress(100);
    await crowd.rest();
    expect(crowd.compare()).toMatchObject({ violations: [], told: 0 });
    await expectExact(crowd);
    expectSilence(crowd);
    await crowd.close();
  });
});
