import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Archive } from '#libs/broker/archive.ts';
import type { Broker, Page, Published, PublishRequest } from '#libs/broker/broker.ts';
import { DEFAULT_BROKER_LIMITS } from '#libs/broker/broker-limits.ts';
import { BrokerMemory } from '#libs/broker/broker-memory.ts';
import { BrokerRedis } from '#libs/broker/broker-redis.ts';
import { MemorySpace } from '#libs/broker/memory-space.ts';
import { RedisKeys } from '#libs/redis/keys.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { ArrayArchive } from '#test/support/array-archive.ts';
import { BrokerLedger } from '#test/support/broker-ledger.ts';
import { publication } from '#test/support/broker-node.ts';
import { RedisCluster } from '#test/support/redis-cluster.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { until } from '#test/support/wait.ts';

/** A stream of Redis is cut in blocks of 100 entries: of 400 publications it keeps no more than these. */
const KEPT = 20;
const KEPT_AT_MOST = 130;
const LIMITS = { ...DEFAULT_BROKER_LIMITS, streamMaxLength: KEPT };
const LOG = { info: () => undefined, warn: () => undefined, error: () => undefined };
const ALL = { count: 100, bytes: 1_000_000 };
const PREFIX = 'archive';

/** A backend that several nodes share, and that can lose everything. */
interface Backend {
  node(archive: Archive): { readonly broker: Broker; close(): Promise<void> };
  /** Everything is forgotten. Nodes opened afterwards see the new world. */
  lose(): Promise<void>;
  /** The room's sequence alone is forgotten, its keys are not; undefined where that cannot be. */
  readonly loseSequence?: (room: string) => Promise<void>;
  stop(): Promise<void>;
}

function onRedis(server: { readonly url: string; stop(): Promise<void> }, own: Pick<Backend, 'lose' | 'loseSequence'>): Backend {
  return {
    ...own,
    node: (archive) => {
      const link = RedisLink.open(server.url, { prefix: PREFIX, log: LOG });
      const broker = new BrokerRedis(link, { ...LIMITS, archive });
      return {
        broker,
        close: async () => {
          await broker.close();
          await link.close();
        },
      };
    },
    stop: () => server.stop(),
  };
}

const metaOf = (room: string): string => new RedisKeys(PREFIX, false).meta(room);

async function onOne(lose: (redis: RedisServer) => Promise<unknown>): Promise<Backend> {
  const redis = await RedisServer.start();
  return onRedis(redis, {
    lose: async () => void (await lose(redis)),
    loseSequence: async (room) => void (await redis.command('DEL', metaOf(room))),
  });
}

const BACKENDS: Record<string, () => Promise<Backend>> = {
  memory: async () => {
    let space = new MemorySpace(LIMITS);
    return {
      node: (archive) => {
        const broker = new BrokerMemory(LIMITS, space, archive);
        return { broker, close: () => broker.close() };
      },
      lose: async () => {
        space = new MemorySpace(LIMITS);
      },
      stop: async () => undefined,
    };
  },
  'one Redis that is flushed': () => onOne((redis) => redis.command('FLUSHALL')),
  'one Redis that is killed': () => onOne((redis) => redis.restartEmpty()),
  'a Redis Cluster that is flushed': async () => {
    const cluster = await RedisCluster.start();
    return onRedis(cluster, {
      lose: async () => void (await Promise.all(cluster.masters.map((master) => master.command('FLUSHALL')))),
      loseSequence: async (room) => void (await (await cluster.masterOf(metaOf(room))).command('DEL', metaOf(room))),
    });
  },
};

let count = 0;
const fresh = (): string => `kept-${count++}`;
const offsetsOf = ({ publications }: Pick<Page, 'publications'>): number[] => publications.map(({ offset }) => offset);
const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe.each(Object.entries(BACKENDS))('a broker with an archive on %s', (name, start) => {
  /** What only a backend outside of the process can come to. */
  const overBackend = (title: string, body: () => Promise<void>): void => {
    if (name !== 'memory') test(title, body);
  };
  let backend: Backend;
  let archive: ArrayArchive;
  const open: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    backend = await start();
  });

  beforeEach(() => {
    archive = new ArrayArchive();
  });

  afterEach(async () => {
    for (const node of open.splice(0)) await node.close();
  });

  afterAll(() => backend.stop());

  async function node(): Promise<{ broker: Broker; ledger: BrokerLedger }> {
    const { broker, close } = backend.node(archive);
    open.push({ close });
    const ledger = new BrokerLedger();
    await broker.start(ledger);
    return { broker, ledger };
  }

  /** Publishes and stores. */
  async function say(broker: Broker, room: string, text: string): Promise<{ readonly request: PublishRequest; readonly ack: Published }> {
    const request = publication(room, text);
    const ack = await broker.publish(request);
    if (!ack.repeated) archive.store(request, ack);
    return { request, ack };
  }

  test('[M3] offsets begin above what is stored, whoever asks first', async () => {
    const { broker } = await node();
    const [subscribed, published, after, before] = [fresh(), fresh(), fresh(), fresh()];
    for (const room of [subscribed, published, after, before]) archive.seed(room, 57);
    expect((await broker.subscribe(subscribed, true)).position.offset).toBe(57);
    expect((await broker.publish(publication(published, 'x'))).offset).toBe(58);
    expect((await broker.after(after, 57, ALL)).position.offset).toBe(57);
    expect((await broker.before(before, 10, ALL)).position.offset).toBe(57);
    for (const room of [subscribed, after, before]) expect((await broker.publish(publication(room, 'x'))).offset).toBe(58);
  });

  test('[M3] an epoch is never begun without asking', async () => {
    const { broker } = await node();
    const room = fresh();
    archive.seed(room, 9);
    archive.away = true;
    const refused = await Promise.allSettled([
      broker.subscribe(room, true),
      broker.publish(publication(room, 'x')),
      broker.after(room, 0, ALL),
      broker.before(room, Number.POSITIVE_INFINITY, ALL),
    ]);
    expect(refused.map((result) => (result.status === 'rejected' ? result.reason.code : 'answered'))).toEqual(
      refused.map(() => 'UNAVAILABLE'),
    );
    archive.away = false;
    expect((await broker.publish(publication(room, 'x'))).offset).toBe(10);
  });

  test('[M3] a room that the archive does not hold never asks it', async () => {
    const { broker } = await node();
    const room = `other-${count++}`;
    await broker.subscribe(room, true);
    expect((await broker.publish(publication(room, 'x'))).offset).toBe(1);
    expect((await broker.after(room, 0, ALL)).publications).toHaveLength(1);
    expect((await broker.before(room, 1, ALL)).publications).toHaveLength(0);
    expect(archive.asked).toEqual({ top: 0, find: 0, after: 0, before: 0 });
  });

  test('[M3] offsets never fall over a loss of everything; what was not stored gives its place away', async () => {
    const room = fresh();
    const a = await node();
    for (let i = 0; i < 5; i++) await say(a.broker, room, `m${i}`);
    const unstored = await a.broker.publish(publication(room, 'not stored'));
    await backend.lose();
    const b = await node();
    const next = await say(b.broker, room, 'next');
    expect(next.ack).toMatchObject({ offset: 6, repeated: false });
    expect(next.ack.epoch).not.toBe(unstored.epoch);
  });

  // In memory nothing of an epoch outlives the process.
  overBackend('[M3] what is stored while a young epoch goes on, of the one before it, is not fallen behind either', async () => {
    const room = fresh();
    const a = await node();
    await say(a.broker, room, 'stored');
    const late = publication(room, 'late');
    await a.broker.publish(publication(room, 'lost'));
    await a.broker.publish(publication(room, 'lost too'));
    const place = await a.broker.publish(late);
    expect(place.offset).toBe(4);
    await backend.lose();
    const b = await node();
    expect((await say(b.broker, room, 'first of the new epoch')).ack.offset).toBe(2);
    // It was on its way to the archive all the time, and is acked now.
    archive.store(late, place);
    expect((await say(b.broker, room, 'said after that ack')).ack.offset).toBeGreaterThan(4);
  });

  test('[M2] what was stored under a key is a repetition after everything else was lost', async () => {
    const room = fresh();
    const a = await node();
    const { request, ack } = await say(a.broker, room, 'once');
    await say(a.broker, room, 'another');
    await backend.lose();
    const [b, c] = [await node(), await node()];
    const again = { ...request, at: request.at + 500 };
    const tries = await Promise.all([b.broker.publish(again), c.broker.publish(again), b.broker.publish(again)]);
    for (const one of tries) expect(one).toEqual({ ...ack, repeated: true });
    expect((await say(c.broker, room, 'next')).ack.offset).toBe(3);
  });

  test('[M2] what was published and not stored before the loss is published once more, by whichever node', async () => {
    const room = fresh();
    const a = await node();
    await say(a.broker, room, 'stored');
    const request = publication(room, 'not stored');
    const lost = await a.broker.publish(request);
    await backend.lose();
    const [b, c] = [await node(), await node()];
    const tries = await Promise.all([b.broker.publish(request), c.broker.publish(request), c.broker.publish(request)]);
    expect(tries.filter(({ repeated }) => !repeated)).toHaveLength(1);
    expect(tries.map(({ offset }) => offset)).toEqual([2, 2, 2]);
    expect(new Set(tries.map(({ epoch }) => epoch)).size).toBe(1);
    expect(tries[0]?.epoch).not.toBe(lost.epoch);
  });

  // In memory keys and sequence are one.
  overBackend('[M2] a key remembered under an older epoch counts for nothing', async () => {
    const { loseSequence } = backend;
    if (loseSequence === undefined) throw new TypeError('this backend cannot lose a sequence alone');
    const room = fresh();
    const a = await node();
    await say(a.broker, room, 'stored');
    const request = publication(room, 'not stored');
    const lost = await a.broker.publish(request);
    await loseSequence(room);
    const b = await node();
    await say(b.broker, room, 'has the place now');
    for (const { broker } of [a, b]) {
      expect(await broker.publish(request)).toMatchObject({ offset: 3, repeated: broker === b.broker });
    }
    expect((await b.broker.publish(request)).epoch).not.toBe(lost.epoch);
  });

  test('[M2] `anew` publishes again, and the key then stands for the new place', async () => {
    const room = fresh();
    const [a, b] = [await node(), await node()];
    await b.broker.subscribe(room, true);
    const request = publication(room, 'twice');
    expect(await a.broker.publish(request)).toMatchObject({ offset: 1, repeated: false });
    expect(await a.broker.publish({ ...request, forceNew: true })).toMatchObject({ offset: 2, repeated: false });
    expect(await b.broker.publish({ ...request, at: request.at + 9 })).toMatchObject({ offset: 2, at: request.at, repeated: true });
    await until(() => b.ledger.offsets(room).length === 2);
    expect(b.ledger.offsets(room)).toEqual([1, 2]);
  });

  test('[M5] pages after an offset go on from the archive into the stream: everything once, as it was published', async () => {
    const room = fresh();
    const { broker } = await node();
    for (const batch of range(0, 3)) await Promise.all(range(1, 100).map((i) => say(broker, room, `m${batch * 100 + i}`)));
    let reached = 0;
    for (let page: Page | undefined; page?.more !== false; ) {
      page = await broker.after(room, reached, { count: 37, bytes: 1_000_000 });
      expect(page).toMatchObject({ complete: true, position: { offset: 400 } });
      expect(offsetsOf(page)).toEqual(range(reached + 1, Math.min(400, reached + page.publications.length)));
      for (const { offset, frame } of page.publications) expect(Buffer.from(frame)).toEqual(archive.rows(room)[offset - 1]?.frame);
      reached += page.publications.length;
    }
    expect(reached).toBe(400);
    expect(archive.asked.after).toBeGreaterThan(3);
    const size = archive.rows(room)[0]?.frame.length ?? 0;
    expect(offsetsOf(await broker.after(room, 0, { count: 100, bytes: 2 * size + 1 }))).toEqual([1, 2]);
    expect(offsetsOf(await broker.after(room, 0, { count: 100, bytes: 1 }))).toEqual([1]);
  });

  test('[M5] pages before an offset go on from the stream into the archive: everything once', async () => {
    const room = fresh();
    const { broker } = await node();
    for (const batch of range(0, 3)) await Promise.all(range(1, 100).map((i) => say(broker, room, `m${batch * 100 + i}`)));
    let below = Number.POSITIVE_INFINITY;
    const seen: number[] = [];
    for (let page: Page | undefined; page?.more !== false; ) {
      page = await broker.before(room, below, { count: 37, bytes: 1_000_000 });
      seen.unshift(...offsetsOf(page));
      below = seen[0] ?? 0;
    }
    expect(seen).toEqual(range(1, 400));
    expect(offsetsOf(await broker.before(room, 50, { count: 100, bytes: 1 }))).toEqual([49]);
  });

  test.each(['a hole', 'another epoch'])('[M5] after an offset: %s in the archive ends what is complete', async (what) => {
    const room = fresh();
    const { broker } = await node();
    for (const batch of range(0, 3)) await Promise.all(range(1, 100).map((i) => say(broker, room, `m${batch * 100 + i}`)));
    const row = archive.rows(room)[7];
    if (row === undefined) throw new Error('nothing is stored');
    archive.remove(room, row.offset);
    if (what === 'another epoch') archive.put(room, { ...row, epoch: 'an-older-epoch-0' });
    const page = await broker.after(room, 5, ALL);
    expect(offsetsOf(page)).toEqual([6, 7]);
    expect(page).toMatchObject({ complete: true, more: true });
    expect((await broker.after(room, 7, ALL)).complete).toBe(false);
  });

  test('[M5] the latest page of a room that the backend lost comes from the archive, older epochs included', async () => {
    const room = fresh();
    archive.seed(room, 30);
    const { broker } = await node();
    const { position, latest } = await broker.subscribe(room, true);
    expect(position.offset).toBe(30);
    expect(offsetsOf({ publications: latest })).toEqual(range(1, 30));
    for (let i = 31; i <= 35; i++) await say(broker, room, `m${i}`);
    const later = await node();
    expect(offsetsOf({ publications: (await later.broker.subscribe(room, true)).latest })).toEqual(range(1, 35));
    const tall = fresh();
    archive.seed(tall, 250);
    expect(offsetsOf({ publications: (await later.broker.subscribe(tall, true)).latest })).toEqual(range(151, 250));
  });

  test('[M5] with the archive away the stream is served as far as it goes', async () => {
    const room = fresh();
    const { broker } = await node();
    for (const batch of range(0, 3)) await Promise.all(range(1, 100).map((i) => say(broker, room, `m${batch * 100 + i}`)));
    archive.away = true;
    const page = await broker.before(room, Number.POSITIVE_INFINITY, ALL);
    expect(page.publications.length).toBeGreaterThanOrEqual(Math.min(KEPT, 100));
    expect(offsetsOf(page)).toEqual(range(401 - page.publications.length, 400));
    expect(offsetsOf(await broker.after(room, 395, ALL))).toEqual(range(396, 400));
    expect(await broker.after(room, 400 - KEPT_AT_MOST - 100, ALL)).toMatchObject({ complete: false });
    const late = await node();
    expect((await late.broker.subscribe(room, true)).position.offset).toBe(400);
  });

  test('[M2] with the archive away a young epoch takes nothing, for what may have been forgotten; an old one does', async () => {
    const [young, old] = [fresh(), fresh()];
    const { broker } = await node();
    await say(broker, young, 'x');
    const earlier = vi.spyOn(Date, 'now').mockReturnValue(Date.now() - LIMITS.idempotencyTtlMs - 120_000);
    await broker.after(old, 0, ALL);
    earlier.mockRestore();
    archive.away = true;
    await expect(broker.publish(publication(young, 'y'))).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    const { find } = archive.asked;
    expect((await broker.publish(publication(old, 'y'))).offset).toBe(1);
    expect(archive.asked.find).toBe(find);
    archive.away = false;
    expect((await broker.publish(publication(young, 'y'))).offset).toBe(2);
  });

  test('[M3] one caller’s publications keep their order while the archive is asked, whatever the order of its answers', async () => {
    const room = fresh();
    archive.seed(room, 3);
    const { broker } = await node();
    // The first question is answered last.
    let wait = 90;
    archive.delay(async () => {
      wait = Math.max(0, wait - 6);
      await delay(wait);
    });
    const acks = range(1, 30).map((i) => broker.publish(publication(room, `m${i}`, i % 3 === 0 ? { key: null } : {})));
    expect((await Promise.all(acks)).map(({ offset }) => offset)).toEqual(range(4, 33));
    wait = 90;
    const later = range(1, 30).map((i) => broker.publish(publication(room, `n${i}`, i % 3 === 0 ? { key: null } : {})));
    expect((await Promise.all(later)).map(({ offset }) => offset)).toEqual(range(34, 63));
  });

  test('[M4] a room is subscribed to while others publish and the archive is slow: nothing missing, nothing twice', async () => {
    const room = fresh();
    archive.seed(room, 40);
    archive.delay(() => delay(5));
    const publisher = await node();
    let going = true;
    const publishing = (async () => {
      for (let i = 0; going || i < 60; i++) await say(publisher.broker, room, `m${i}`);
    })();
    const nodes = await Promise.all(range(1, 4).map(() => node()));
    const joined = await Promise.all(
      nodes.map(async ({ broker }, i) => {
        await until(async () => (await broker.after(room, 0, { count: 1, bytes: 1 })).position.offset > 40 + i * 5);
        return broker.subscribe(room, true);
      }),
    );
    going = false;
    await publishing;
    const { offset: top } = (await publisher.broker.after(room, 0, { count: 1, bytes: 1 })).position;
    for (const [i, { ledger }] of nodes.entries()) {
      const { position, latest } = joined[i] ?? { position: { offset: -1 }, latest: [] };
      await until(() => ledger.offsets(room).length === top - position.offset);
      expect(ledger.offsets(room)).toEqual(range(position.offset + 1, top));
      expect(offsetsOf({ publications: latest })).toEqual(range(position.offset + 1 - latest.length, position.offset));
      expect(latest.length).toBe(Math.min(100, position.offset));
    }
  });
});

describe('a broker with an archive on one Redis, in subscribed rooms', () => {
  let redis: RedisServer;
  let backend: Backend;
  let archive: ArrayArchive;
  let link: RedisLink;
  let broker: BrokerRedis;
  let ledger: BrokerLedger;

  beforeEach(async () => {
    redis = await RedisServer.start();
    archive = new ArrayArchive();
    link = RedisLink.open(redis.url, { prefix: PREFIX, log: LOG });
    broker = new BrokerRedis(link, { ...LIMITS, archive });
    ledger = new BrokerLedger();
    await broker.start(ledger);
    backend = onRedis(redis, { lose: () => redis.restartEmpty() });
  });

  afterEach(async () => {
    await broker.close();
    await link.close();
    await backend.stop();
  });

  async function say(room: string, times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      const request = publication(room, `m${i}`);
      archive.store(request, await broker.publish(request));
    }
  }

  test('[M3] [M4] a reset after a loss comes with the latest page of the archive', async () => {
    const room = fresh();
    await broker.subscribe(room, true);
    await say(room, 10);
    await until(() => ledger.offsets(room).length === 10);
    await redis.restartEmpty();
    await until(() => ledger.of('reset').length === 1, { timeoutMs: 20_000 });
    expect(ledger.of('reset')[0]).toMatchObject({ room, position: { offset: 10 } });
    expect(offsetsOf({ publications: ledger.of('reset')[0]?.latest ?? [] })).toEqual(range(1, 10));
    await say(room, 1);
    await until(() => ledger.offsets(room).at(-1) === 11);
  });

  test('[M3] [M5] Redis came back with older data: offsets go on above what is stored, and no page passes over what only the archive has', async () => {
    const room = fresh();
    await say(room, 10);
    await redis.save();
    await say(room, 10);
    await redis.restartFromSnapshot();
    const latest = await until(() => broker.before(room, Number.POSITIVE_INFINITY, ALL), { timeoutMs: 20_000 });
    expect(latest.position.offset).toBe(20);
    expect(offsetsOf(latest)).toEqual(range(1, 20));
    archive.away = true;
    await expect(broker.before(room, Number.POSITIVE_INFINITY, ALL)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    archive.away = false;
    expect(offsetsOf(await broker.before(room, 14, { count: 5, bytes: 10_000 }))).toEqual(range(9, 13));
    await say(room, 5);
    expect(archive.rows(room).at(-1)?.offset).toBe(25);
    expect(offsetsOf(await broker.before(room, Number.POSITIVE_INFINITY, ALL))).toEqual(range(1, 25));
    expect(offsetsOf(await broker.before(room, Number.POSITIVE_INFINITY, { count: 8, bytes: 10_000 }))).toEqual(range(18, 25));
    expect(offsetsOf(await broker.before(room, 24, { count: 7, bytes: 10_000 }))).toEqual(range(17, 23));
    expect(offsetsOf((await broker.after(room, 5, ALL)).complete ? await broker.after(room, 5, ALL) : { publications: [] })).toEqual(
      range(6, 10),
    );
    archive.away = true;
    const short = await broker.before(room, Number.POSITIVE_INFINITY, ALL);
    expect(offsetsOf(short)).toEqual(range(21, 25));
    expect(short.more).toBe(true);
  });

  test('rooms that the archive does not hold go on after a loss while it is away, the others as soon as it is back', async () => {
    const [kept, other] = [fresh(), `other-${count++}`];
    await broker.subscribe(kept, true);
    await broker.subscribe(other, true);
    await say(kept, 3);
    archive.away = true;
    await redis.restartEmpty();
    await until(() => ledger.of('reset').some(({ room }) => room === other), { timeoutMs: 20_000, describe: 'the other room is reset' });
    await until(() => ledger.of('connectivity').at(-1)?.up === true, { describe: 'told to be connected' });
    expect((await broker.publish(publication(other, 'x'))).offset).toBe(1);
    await until(() => ledger.offsets(other).length === 1);
    expect(ledger.of('reset').map(({ room }) => room)).toEqual([other]);
    archive.away = false;
    await until(() => ledger.of('reset').some(({ room }) => room === kept), { timeoutMs: 20_000, describe: 'the kept room is reset' });
    await say(kept, 1);
    await until(() => ledger.offsets(kept).at(-1) === 4);
  });
});
