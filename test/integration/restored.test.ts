import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endEpochs } from '#libs/broker/restored.ts';
import { raiseOffsets, refuseWhileProgramsRun } from '#libs/store/restored.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { BrokerNode, publication } from '#test/support/broker-node.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { RedisCluster } from '#test/support/redis-cluster.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { until } from '#test/support/wait.ts';

const ROOMS = Array.from({ length: 40 }, (_, i) => `room-${i}`);
const BACKENDS = { 'one Redis': () => RedisServer.start(), 'a Redis Cluster': () => RedisCluster.start() };

describe.each(Object.entries(BACKENDS))('after a restore of PostgreSQL, on %s', (_, start) => {
  let redis: { readonly url: string; stop(): Promise<void> };
  beforeAll(async () => {
    redis = await start();
  });
  afterAll(() => redis.stop());

  it('[M3] every room begins a new epoch, and keeps its offset and its stream', async () => {
    const node = await BrokerNode.start(redis.url);
    try {
      const { broker, link } = node;
      const before = await Promise.all(ROOMS.map((room) => broker.publish(publication(room, 'before'))));
      // A key that looks like that of a position.
      const alike = link.keys.idempotency('room-0', 'a:meta');
      await link.command(alike, 'SET', alike, 'another value', 'PX', 60_000);
      expect(await endEpochs(link)).toBe(ROOMS.length);
      const after = await Promise.all(ROOMS.map((room) => broker.publish(publication(room, 'after'))));
      expect(after.map(({ offset }) => offset)).toEqual(ROOMS.map(() => 2));
      for (const [i, { epoch }] of after.entries()) expect(epoch).not.toBe(before[i]?.epoch);
      const { publications } = await broker.kept('room-0', 0, { count: 10, bytes: 10_000 });
      expect(publications.map(({ offset }) => offset)).toEqual([1, 2]);
      expect(await link.command(alike, 'GET', alike)).toBe('another value');
    } finally {
      await node.close();
    }
  });

  it('[M3] nothing is done while a gateway holds a lease', async () => {
    const node = await BrokerNode.start(redis.url);
    try {
      const { broker, link } = node;
      const { epoch } = await broker.publish(publication('held', 'before'));
      const leases = link.keys.leases();
      await link.command(leases, 'ZADD', leases, Date.now() + 60_000, 'a-node');
      await expect(endEpochs(link)).rejects.toThrow('1 gateways run');
      await link.command(leases, 'ZADD', leases, Date.now() - 1000, 'a-node');
      expect((await broker.publish(publication('held', 'after'))).epoch).toBe(epoch);
    } finally {
      await node.close();
    }
  });
});

describe('after a restore of PostgreSQL, the store', () => {
  it('[M3] gives offsets above all that were given, also in rooms that it does not know, and higher ones after each restore', async () => {
    const database = await PostgresDatabase.create();
    const store = await openStore({ url: database.url });
    try {
      expect(await store.messages.top('dm:unknown')).toBe(0);
      await store.messages.append({
        room: 'park',
        offset: 7,
        epoch: 'e',
        id: 'a',
        sender: '{}',
        text: '"x"',
        data: undefined,
        at: Date.now(),
      });
      await expect(refuseWhileProgramsRun(database.url)).rejects.toThrow('stop all of them first');
      await raiseOffsets(database.url);
      expect(await store.messages.top('park')).toBe(1_000_000_007);
      expect(await store.messages.top('dm:unknown')).toBe(1_000_000_007);
      await raiseOffsets(database.url);
      expect(await store.messages.top('dm:unknown')).toBe(2_000_000_007);
    } finally {
      await store.close();
    }
    // PostgreSQL ends the sessions of a closed store a moment later.
    await until(() =>
      refuseWhileProgramsRun(database.url).then(
        () => true,
        () => false,
      ),
    );
    await database.drop();
  });
});
