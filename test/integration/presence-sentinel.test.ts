import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QUICK } from '#test/support/presence-process.ts';
import { PresenceStage } from '#test/support/presence-stage.ts';
import { RedisSentinel } from '#test/support/redis-sentinel.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { until } from '#test/support/wait.ts';

describe('presence behind Sentinel', () => {
  let sentinel: RedisSentinel;
  let stage: PresenceStage | undefined;
  beforeEach(async () => {
    sentinel = await RedisSentinel.start();
  });
  afterEach(async () => {
    await stage?.close();
    await sentinel.stop();
  });

  it('[P3] after a fail-over everybody is there, exact, and nobody was reaped', async () => {
    const master = await sentinel.master();
    const heir = sentinel.servers.find((server) => server !== master) as RedisServer;
    // The audit and the ear look at the one that will be the master.
    stage = await PresenceStage.open(heir, 'sentinel');
    const nodes = [await stage.node('a', QUICK, sentinel.url), await stage.node('b', QUICK, sentinel.url)];
    await Promise.all(Array.from({ length: 40 }, (_, i) => nodes[i % 2]?.connect(`c${i}`, `user${i}`)));
    await Promise.all(Array.from({ length: 40 }, (_, i) => nodes[i % 2]?.enter('park', `user${i}`)));
    await master.kill();
    await nodes[0]?.disconnect('c0');
    await nodes[0]?.leave('park', 'user0');
    await stage.exact(40_000);
    expect(stage.reaped).toEqual([]);
    const restored = (): number => stage?.restored ?? 0;
    await until(() => restored() >= 2, { describe: () => `both put back, have ${restored()}` });
  });
});
