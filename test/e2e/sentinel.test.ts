import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { Crowd } from '#test/support/crowd.ts';
import { Random } from '#test/support/random.ts';
import type { RedisSentinel } from '#test/support/redis-sentinel.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { MACHINE_MS, until } from '#test/support/wait.ts';

/** P3: exact again within this time. */
const EXACT_MS = 10_000 + MACHINE_MS;

let hub: TestHub<RedisSentinel>;
const random = Random.fromEnvironment('sentinel');
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.sentinel({ gateways: 3 });
});
afterEach(() => hub.clear());
afterAll(() => hub?.stop());

async function gather(room: string): Promise<Crowd> {
  return await Crowd.gather({ room, random, on: Array.from({ length: 12 }, (_, i) => hub.gateway(i % 3)) });
}

async function exact(crowd: Crowd): Promise<void> {
  const [first] = crowd.clients;
  const count = crowd.clients.length;
  await until(async () => (await first?.client.online()) === count && (await first?.client.presence(crowd.room))?.count === count, {
    timeoutMs: EXACT_MS,
    everyMs: 100,
    describe: `exactly ${count}`,
  });
}

function expectSilence(crowd: Crowd): void {
  for (const client of crowd.clients) {
    expect(client.closes, `${client.user} stayed connected`).toEqual([]);
    for (const { user } of crowd.clients)
      expect(client.attendance.members.get(`${crowd.room} ${user} left`), `${user} left`).toBeUndefined();
  }
}

describe('three gateways behind Sentinel', () => {
  it('[M3] [M4] [P1] messages cross, counts are exact', async () => {
    const crowd = await gather(hub.name('room'));
    await exact(crowd);
    crowd.talk(100);
    await crowd.progress(100);
    await crowd.rest();
    expect(crowd.compare()).toMatchObject({ violations: [], told: 0 });
    await crowd.close();
  });

  it('[M3] [M4] [P3] an ordered fail-over amid traffic: a new epoch at most, nothing lost untold, nobody announced', async () => {
    const crowd = await gather(hub.name('room'));
    crowd.talk(100);
    await crowd.progress(100);
    await hub.backend.failOver();
    await crowd.progress(100, 40_000);
    await exact(crowd);
    await crowd.rest();
    expect(crowd.compare().violations).toEqual([]);
    expectSilence(crowd);
    await crowd.close();
  });

  it('[M3] [M4] [P3] the master is killed amid traffic: the replica takes over, the talk goes on, nothing lost untold', async () => {
    const crowd = await gather(hub.name('room'));
    crowd.talk(100);
    await crowd.progress(100);
    const dead = await hub.backend.killMaster();
    await crowd.progress(100, 40_000);
    await exact(crowd);
    await crowd.rest();
    expect(crowd.compare().violations).toEqual([]);
    expectSilence(crowd);
    // The dead one comes back as a replica: nothing happens.
    await dead.restart();
    await crowd.clients[0]?.say(crowd.room, 'still here');
    await crowd.rest();
    await crowd.close();
  });
});
