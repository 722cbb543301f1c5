import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ActiveRooms } from '#libs/broker/active-rooms.ts';
import type { Broker } from '#libs/broker/broker.ts';
import { DEFAULT_BROKER_LIMITS } from '#libs/broker/broker-limits.ts';
import { BrokerMemory } from '#libs/broker/broker-memory.ts';
import { BrokerRedis } from '#libs/broker/broker-redis.ts';
import { MemorySpace } from '#libs/broker/memory-space.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { ArrayArchive } from '#test/support/array-archive.ts';
import { publication } from '#test/support/broker-node.ts';
import { RedisCluster } from '#test/support/redis-cluster.ts';
import { RedisServer } from '#test/support/redis-server.ts';

const LIMITS = { ...DEFAULT_BROKER_LIMITS, streamMaxLength: 20 };
const LOG = { info: () => undefined, warn: () => undefined, error: () => undefined };
const ALL = { count: 100, bytes: 1_000_000 };
const HOUR = 3_600_000;

interface Backend {
  /** A node, with an archive that holds rooms named `kept...`. */
  node(archive: ArrayArchive): Promise<Broker>;
  /** Everything is forgotten, under the living nodes. */
  readonly lose?: () => Promise<unknown>;
  stop(): Promise<void>;
}

const links: RedisLink[] = [];

async function linkTo(url: string): Promise<RedisLink> {
  const link = RedisLink.open(url, { prefix: 'active', log: LOG });
  links.push(link);
  await link.ready(20_000);
  return link;
}

const BACKENDS: Record<string, () => Promise<Backend>> = {
  memory: async () => {
    const space = new MemorySpace(LIMITS);
    return { node: async (archive) => new BrokerMemory(LIMITS, space, archive), stop: async () => undefined };
  },
  'one Redis': async () => {
    const redis = await RedisServer.start();
    return {
      node: async (archive) => new BrokerRedis(await linkTo(redis.url), { ...LIMITS, archive }),
      lose: () => redis.command('FLUSHALL'),
      stop: () => redis.stop(),
    };
  },
  'a Redis Cluster': async () => {
    const cluster = await RedisCluster.start();
    return {
      node: async (archive) => new BrokerRedis(await linkTo(cluster.url), { ...LIMITS, archive }),
      lose: () => Promise.all(cluster.masters.map((master) => master.command('FLUSHALL'))),
      stop: () => cluster.stop(),
    };
  },
};

afterEach(async () => {
  for (const link of links.splice(0)) await link.close();
});

describe.each(Object.entries(BACKENDS))('what a sweep asks of a broker on %s', (name, start) => {
  let backend: Backend;

  beforeAll(async () => {
    backend = await start();
  });

  afterAll(() => backend?.stop());

  test('[M1] every room with an archive that any node published to is active; others are not', async () => {
    const archive = new ArrayArchive();
    const [a, b] = [await backend.node(archive), await backend.node(archive)];
    archive.seed('kept-silent', 3);
    await a.after('kept-silent', 0, ALL);
    for (const text of ['one', 'two']) await a.publish(publication('kept-of-a', text));
    await b.publish(publication('kept-of-b', 'x'));
    await b.publish(publication('open', 'x'));
    for (const one of [a, b]) expect((await one.active()).toSorted()).toEqual(['kept-of-a', 'kept-of-b']);
  });

  if (name !== 'memory')
    test('[M1] a room is active again with its first publication after everything was lost', async () => {
      const archive = new ArrayArchive();
      const broker = await backend.node(archive);
      await broker.publish(publication('kept-lost', 'x'));
      await backend.lose?.();
      expect(await broker.active()).toEqual([]);
      await broker.publish(publication('kept-lost', 'y'));
      expect(await broker.active()).toEqual(['kept-lost']);
    });

  test('what the stream keeps is read without the archive, from where it begins', async () => {
    const archive = new ArrayArchive();
    const broker = await backend.node(archive);
    archive.seed('kept-read', 50);
    for (let i = 0; i < 300; i += 1) await broker.publish(publication('kept-read', `m${i}`));
    const { after } = archive.asked;
    const first = await broker.kept('kept-read', 0, { ...ALL, count: 5 });
    const begins = first.publications[0]?.offset ?? 0;
    expect(begins).toBeGreaterThan(51);
    expect(first).toMatchObject({ position: { offset: 350 }, more: true });
    expect(first.publications.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4].map((n) => begins + n));
    const last = await broker.kept('kept-read', 345, ALL);
    expect(last.publications.map(({ offset }) => offset)).toEqual([346, 347, 348, 349, 350]);
    expect(last.more).toBe(false);
    expect((await broker.kept('kept-read', 350, ALL)).publications).toEqual([]);
    expect(archive.asked.after).toBe(after);
  });
});

describe('rooms noted in Redis', () => {
  test('are active for an hour and a little more, however often a node notes them, and are then no longer kept', async () => {
    const redis = await RedisServer.start();
    try {
      let now = 1_000_000_000_000;
      const link = await linkTo(redis.url);
      const rooms = new ActiveRooms(link, () => now);
      for (const room of ['silent', 'going on']) rooms.note(room, 'e');
      for (let minute = 0; minute < 60; minute += 1) {
        now += 60_000;
        rooms.note('going on', 'e');
      }
      expect((await rooms.rooms()).toSorted()).toEqual(['going on', 'silent']);
      now += HOUR / 4;
      expect(await rooms.rooms()).toEqual(['going on']);
      rooms.note('another', 'e');
      expect((await rooms.rooms()).toSorted()).toEqual(['another', 'going on']);
      expect(await redis.command('ZCARD', link.keys.activeRooms())).toBe(2);
    } finally {
      await redis.stop();
    }
  });
});
