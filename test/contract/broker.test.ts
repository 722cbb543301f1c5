import { setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Broker, type PublishRequest, UNBEGUN } from '#libs/broker/broker.ts';
import { DEFAULT_BROKER_LIMITS } from '#libs/broker/broker-limits.ts';
import { BrokerMemory } from '#libs/broker/broker-memory.ts';
import { BrokerRedis } from '#libs/broker/broker-redis.ts';
import { MemorySpace } from '#libs/broker/memory-space.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { eventJson, eventTail } from '#libs/protocol/room-event.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { BrokerLedger } from '#test/support/broker-ledger.ts';
import { RedisCluster } from '#test/support/redis-cluster.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { until } from '#test/support/wait.ts';

const LIMITS = { ...DEFAULT_BROKER_LIMITS, streamMaxLength: 200 };
const LOG = { info: () => undefined, warn: () => undefined, error: () => undefined };
const ALL = { count: 100, bytes: 1_000_000 };

/** A backend that several nodes share. */
interface Backend {
  node(): { broker: Broker; close(): Promise<void> };
  stop(): Promise<void>;
}

function onRedis(server: { readonly url: string; stop(): Promise<void> }): Backend {
  return {
    node: () => {
      const link = RedisLink.open(server.url, { prefix: 'contract', log: LOG });
      const broker = new BrokerRedis(link, LIMITS);
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

const BACKENDS: Record<string, () => Promise<Backend>> = {
  memory: async () => {
    const space = new MemorySpace(LIMITS);
    return {
      node: () => {
        const broker = new BrokerMemory(LIMITS, space);
        return { broker, close: () => broker.close() };
      },
      stop: async () => undefined,
    };
  },
  'one Redis': async () => onRedis(await RedisServer.start()),
  'a Redis Cluster': async () => onRedis(await RedisCluster.start()),
};

let count = 0;
/** Distinct in each test: the backend is shared. */
const fresh = (prefix = 'room'): string => `${prefix}-${count++}`;
const key = (): string => `key-${String(count++).padStart(18, '0')}`;
const request = (room: string, text: string, more: Partial<PublishRequest> = {}): PublishRequest => {
  const at = 1_700_000_000_000 + count;
  return { room, tail: `"room":"${room}","message":{"text":"${text}","at":${at}}}`, key: key(), at, ...more };
};

/** A test's own kind, which the hub does not know. */
function change(room: string, offset: number, version: number, text: string): PublishRequest {
  const { at, ...base } = request(room, '');
  const message = JSON.stringify({ id: 'm', text });
  const event = eventJson({ id: `e${count}`, kind: 'test.change', target: { offset, id: 'm' }, version, message, at });
  return { ...base, at, tail: eventTail(room, event), event: { offset, version } };
}

function unknown(room: string): PublishRequest {
  const { at, ...base } = request(room, '');
  return { ...base, at, tail: eventTail(room, `{"id":"e","kind":"test.unknown","more":[1],"at":${at}}`), event: { offset: 0, version: 0 } };
}

/** The text of a message, or of the state that an event brings. */
function textOf(frame: Uint8Array): string {
  const parsed = JSON.parse(Buffer.from(frame).toString());
  return (parsed.event ?? parsed).message.text;
}

describe.each(Object.entries(BACKENDS))('broker on %s', (_, start) => {
  let backend: Backend;
  const open: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    backend = await start();
  });

  afterEach(async () => {
    for (const node of open.splice(0)) await node.close();
  });

  afterAll(() => backend.stop());

  async function node(): Promise<{ broker: Broker; ledger: BrokerLedger }> {
    const { broker, close } = backend.node();
    open.push({ close });
    const ledger = new BrokerLedger();
    await broker.start(ledger);
    return { broker, ledger };
  }

  test('[M3] publications of all nodes have one order, offsets one apart, the same for everyone', async () => {
    const [a, b] = [await node(), await node()];
    const room = fresh();
    await Promise.all([a.broker.subscribe(room, true), b.broker.subscribe(room, true)]);
    const acks = await Promise.all(Array.from({ length: 100 }, (_, i) => (i % 2 ? a : b).broker.publish(request(room, `m${i}`))));
    expect(acks.map((ack) => ack.offset).sort((x, y) => x - y)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(new Set(acks.map((ack) => ack.epoch)).size).toBe(1);
    await until(() => a.ledger.offsets(room).length === 100 && b.ledger.offsets(room).length === 100);
    expect(a.ledger.offsets(room)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(a.ledger.entries).toEqual(b.ledger.entries);
    for (const { offset, frame } of a.ledger.of('publication')) expect(frame.startsWith(`{"offset":${offset},"room":"${room}"`)).toBe(true);
  });

  test('[R3] a room that nobody entered is read as an empty one, and begins with the first who enters', async () => {
    const { broker } = await node();
    const room = fresh();
    expect(await broker.before(room, Number.POSITIVE_INFINITY, ALL)).toEqual(UNBEGUN);
    const { position, latest } = await broker.subscribe(room, true);
    expect({ offset: position.offset, latest }).toEqual({ offset: 0, latest: [] });
    expect(position.epoch).not.toBe('');
    expect((await broker.before(room, Number.POSITIVE_INFINITY, ALL)).position).toEqual(position);
  });

  test('[R3] a room is begun by the first who enters and may begin one', async () => {
    const [a, b] = [await node(), await node()];
    const room = fresh();
    await expect(a.broker.subscribe(room, true, false)).rejects.toMatchObject({ code: 'ROOM_NOT_FOUND' });
    expect(await a.broker.before(room, Number.POSITIVE_INFINITY, ALL)).toEqual(UNBEGUN);
    expect((await a.broker.subscribe(room, true)).began).toBe(true);
    expect((await b.broker.subscribe(room, true, false)).began).toBe(false);
    b.broker.unsubscribe(`r:${room}`);
    expect((await b.broker.subscribe(room, true)).began).toBe(false);
    // What keeps nothing is no room in Redis.
    expect((await b.broker.subscribe(`live:${room}`, false, false)).began).toBe(false);
  });

  test('[M7] events that are no messages have offsets among them, and come in order, once, to every node', async () => {
    const [a, b] = [await node(), await node()];
    const room = fresh();
    await b.broker.subscribe(room, true);
    const asked = [request(room, 'one'), change(room, 1, 1, 'ONE'), request(room, 'two'), unknown(room)];
    for (const [i, one] of asked.entries()) expect((await a.broker.publish(one)).offset).toBe(i + 1);
    const again = await a.broker.publish(asked[1] ?? request(room, ''));
    expect(again).toMatchObject({ offset: 2, repeated: true });
    await until(() => b.ledger.offsets(room).length === 4);
    expect(b.ledger.of('publication').map(({ frame }) => frame)).toEqual(asked.map(({ tail }, i) => `{"offset":${i + 1},${tail}`));
    const { publications, complete } = await a.broker.after(room, 0, ALL);
    expect(complete).toBe(true);
    expect(publications.map(({ frame }) => Buffer.from(frame).toString())).toEqual(
      asked.map(({ tail }, i) => `{"offset":${i + 1},${tail}`),
    );
  });

  test('[M7] a page of the newest counts messages, each with its latest state: that of the highest version', async () => {
    const { broker } = await node();
    const room = fresh();
    const asked = [
      request(room, 'one'),
      request(room, 'two'),
      change(room, 2, 3, 'TWO, at last'),
      change(room, 2, 2, 'TWO'),
      change(room, 2, 3, 'TWO, of equal ones the later'),
      unknown(room),
      request(room, 'three'),
      ...Array.from({ length: 40 }, (_, i) => change(room, 1, i + 1, `ONE ${i + 1}`)),
      unknown(room),
    ];
    for (const one of asked) await broker.publish(one);
    const page = async (before: number, limit: typeof ALL): Promise<unknown[]> => {
      const { publications, position, more } = await broker.before(room, before, limit);
      expect(position.offset).toBe(asked.length);
      const texts = publications.map(({ offset, frame, change: state }) => [offset, textOf(frame), state && textOf(state)]);
      return [...texts, more];
    };
    const [one, two, three] = [
      [1, 'one', 'ONE 40'],
      [2, 'two', 'TWO, of equal ones the later'],
      [7, 'three', undefined],
    ];
    expect(await page(Number.POSITIVE_INFINITY, ALL)).toEqual([one, two, three, false]);
    expect(await page(Number.POSITIVE_INFINITY, { ...ALL, count: 2 })).toEqual([two, three, true]);
    // An event above the page changes messages on it.
    expect(await page(7, ALL)).toEqual([one, two, false]);
    expect(await page(2, ALL)).toEqual([one, false]);
    expect(await page(Number.POSITIVE_INFINITY, { count: 100, bytes: 1 })).toEqual([three, true]);
    const other = await node();
    expect((await other.broker.subscribe(room, true)).latest.map(({ offset }) => offset)).toEqual([1, 2, 7]);
  });

  test('[M3] one caller that publishes in order gets offsets in order', async () => {
    const { broker } = await node();
    const room = fresh();
    const acks = await Promise.all(Array.from({ length: 50 }, (_, i) => broker.publish(request(room, `m${i}`))));
    expect(acks.map((ack) => ack.offset)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  });

  test('[M2] a publication repeated under its key is made once, on any node, with the same ack', async () => {
    const [a, b] = [await node(), await node()];
    const room = fresh();
    await a.broker.subscribe(room, true);
    const once = request(room, 'once');
    const tries = await Promise.all([
      a.broker.publish(once),
      b.broker.publish({ ...once, at: once.at + 5 }),
      b.broker.publish({ ...once, at: once.at + 9 }),
    ]);
    const [first] = tries.filter((ack) => !ack.repeated);
    expect(tries.filter((ack) => ack.repeated)).toHaveLength(2);
    for (const ack of tries) expect(ack).toEqual({ ...first, repeated: ack.repeated });
    const last = await a.broker.publish(request(room, 'last'));
    expect(last.offset).toBe(2);
    await until(() => a.ledger.offsets(room).length === 2);
    expect(await b.broker.publish({ ...once, at: once.at + 99 })).toEqual({ ...first, repeated: true });
  });

  test('[M2] the same key in another room is another message, and without a key nothing is remembered', async () => {
    const { broker } = await node();
    const [one, two] = [fresh(), fresh()];
    const shared = key();
    expect((await broker.publish(request(one, 'x', { key: shared }))).repeated).toBe(false);
    expect((await broker.publish(request(two, 'x', { key: shared }))).repeated).toBe(false);
    expect(await broker.publish(request(one, 'y', { key: null }))).toMatchObject({ offset: 2, repeated: false });
    expect(await broker.publish(request(one, 'y', { key: null }))).toMatchObject({ offset: 3, repeated: false });
  });

  test('[M4] a room subscribed to while others publish: position, then everything after it, nothing twice', async () => {
    const publisher = await node();
    const room = fresh();
    let going = true;
    const publishing = (async () => {
      for (let i = 0; going || i < 60; i++) {
        await publisher.broker.publish(request(room, `m${i}`));
        await setImmediate();
      }
    })();
    const nodes = await Promise.all(Array.from({ length: 4 }, () => node()));
    const subscribed = await Promise.all(
      nodes.map(async ({ broker, ledger }, i) => {
        await until(async () => (await broker.before(room, Number.POSITIVE_INFINITY, ALL)).position.offset > i * 10);
        const result = await broker.subscribe(room, true);
        // The consumer runs before the room's first publication.
        expect(ledger.offsets(room)).toEqual([]);
        return result;
      }),
    );
    going = false;
    await publishing;
    const { offset: top } = (await publisher.broker.before(room, Number.POSITIVE_INFINITY, ALL)).position;
    for (const [i, { ledger }] of nodes.entries()) {
      const { position, latest } = subscribed[i] ?? { position: { offset: -1 }, latest: [] };
      await until(() => ledger.offsets(room).length === top - position.offset);
      expect(ledger.offsets(room)).toEqual(Array.from({ length: top - position.offset }, (_, n) => position.offset + 1 + n));
      expect(latest.at(-1)?.offset).toBe(position.offset === 0 ? undefined : position.offset);
      expect(ledger.of('reset')).toEqual([]);
    }
  });

  test('[M5] the latest page has at most 100 publications and 64 KiB, yet always one', async () => {
    const { broker } = await node();
    const [many, large] = [fresh(), fresh()];
    await Promise.all(Array.from({ length: 120 }, (_, i) => broker.publish(request(many, `m${i}`))));
    for (let i = 0; i < 6; i++) await broker.publish(request(large, 'x'.repeat(15_000)));
    const first = await broker.subscribe(many, true);
    expect(first.position.offset).toBe(120);
    expect(first.latest.map(({ offset }) => offset)).toEqual(Array.from({ length: 100 }, (_, i) => i + 21));
    const second = await broker.subscribe(large, true);
    expect(second.latest.map(({ offset }) => offset)).toEqual([3, 4, 5, 6]);
    expect((await broker.before(large, 4, { count: 5, bytes: 10 })).publications.map(({ offset }) => offset)).toEqual([3]);
  });

  test('[M5] pages after an offset: oldest first, by count and by bytes, more told, position and epoch with each', async () => {
    const { broker } = await node();
    const room = fresh();
    const { epoch } = await broker.publish(request(room, 'm1'));
    for (let i = 2; i <= 10; i++) await broker.publish(request(room, `m${i}`));
    const page = await broker.after(room, 3, { count: 4, bytes: 10_000 });
    expect(page).toMatchObject({ position: { epoch, offset: 10 }, more: true, complete: true });
    expect(page.publications.map(({ offset }) => offset)).toEqual([4, 5, 6, 7]);
    const size = page.publications[0]?.frame.length ?? 0;
    expect((await broker.after(room, 3, { count: 100, bytes: size * 2 + 3 })).publications).toHaveLength(2);
    expect((await broker.after(room, 3, { count: 100, bytes: 1 })).publications).toHaveLength(1);
    const rest = await broker.after(room, 7, { count: 3, bytes: 10_000 });
    expect(rest).toMatchObject({ more: false, complete: true });
    expect(rest.publications.map(({ frame }) => Buffer.from(frame).toString().slice(0, 12))).toEqual([
      '{"offset":8,',
      '{"offset":9,',
      '{"offset":10',
    ]);
    expect(await broker.after(room, 10, ALL)).toEqual({ position: { epoch, offset: 10 }, publications: [], more: false, complete: true });
  });

  test('[M5] pages before an offset: the newest below it, oldest first', async () => {
    const { broker } = await node();
    const room = fresh();
    for (let i = 1; i <= 10; i++) await broker.publish(request(room, `m${i}`));
    const page = await broker.before(room, 8, { count: 3, bytes: 10_000 });
    expect(page).toMatchObject({ position: { offset: 10 }, more: true });
    expect(page.publications.map(({ offset }) => offset)).toEqual([5, 6, 7]);
    expect((await broker.before(room, 4, { count: 3, bytes: 10_000 })).more).toBe(false);
    expect((await broker.before(room, 1, ALL)).publications).toEqual([]);
    expect((await broker.before(room, Number.POSITIVE_INFINITY, { count: 1, bytes: 1 })).publications.map(({ offset }) => offset)).toEqual([
      10,
    ]);
  });

  test('[M5] what is no longer kept is said to be incomplete', async () => {
    const { broker } = await node();
    const room = fresh();
    await Promise.all(Array.from({ length: 400 }, (_, i) => broker.publish(request(room, `m${i}`, { key: null }))));
    const page = await broker.after(room, 5, { count: 2, bytes: 10_000 });
    expect(page.complete).toBe(false);
    expect((await broker.after(room, 398, ALL)).complete).toBe(true);
    const kept = await broker.before(room, Number.POSITIVE_INFINITY, { count: 100, bytes: 10_000_000 });
    const rest = await broker.before(room, 301, { count: 100, bytes: 10_000_000 });
    expect(kept.publications).toHaveLength(100);
    expect(rest.publications).toHaveLength(100);
  });

  test('[M3] a room that nobody published to has an epoch that stays, and offset 0', async () => {
    const [a, b] = [await node(), await node()];
    const room = fresh();
    const { position, latest } = await a.broker.subscribe(room, true);
    expect(position.offset).toBe(0);
    expect(latest).toEqual([]);
    expect(await b.broker.after(room, 0, ALL)).toEqual({ position, publications: [], more: false, complete: true });
    expect(await b.broker.publish(request(room, 'first'))).toMatchObject({ epoch: position.epoch, offset: 1 });
    await until(() => a.ledger.offsets(room).length === 1);
  });

  test('[R3] a room that keeps nothing carries signals only, in order, to every node', async () => {
    const [a, b, c] = [await node(), await node(), await node()];
    const room = fresh('live:room');
    expect(await a.broker.subscribe(room, false)).toEqual({ position: { epoch: '', offset: 0 }, latest: [], began: false });
    await b.broker.subscribe(room, false);
    for (let i = 0; i < 20; i++) await a.broker.emit(`r:${room}`, `{"type":"message","i":${i}}`);
    await until(() => a.ledger.signals(`r:${room}`).length === 20 && b.ledger.signals(`r:${room}`).length === 20);
    expect(b.ledger.signals(`r:${room}`)).toEqual(Array.from({ length: 20 }, (_, i) => `{"type":"message","i":${i}}`));
    expect(c.ledger.entries).toEqual([]);
  });

  test('[R3] signals and publications share a room without being mistaken for each other', async () => {
    const { broker, ledger } = await node();
    const room = fresh();
    await broker.subscribe(room, true);
    await broker.emit(`r:${room}`, '~+1 {"id":"ü","name":"Zoë"}');
    await broker.publish(request(room, 'grüße'));
    await broker.emit(`r:${room}`, '{"type":"typing"}');
    await until(() => ledger.entries.length === 3);
    expect(ledger.signals(`r:${room}`)).toEqual(['~+1 {"id":"ü","name":"Zoë"}', '{"type":"typing"}']);
    expect(ledger.of('publication')[0]?.frame).toContain('grüße');
  });

  test("[R5] a user's own channel reaches the nodes that listen to it, whatever the id", async () => {
    const [a, b] = [await node(), await node()];
    for (const user of ['u-1', 'ann@example.org', '{weird}', 'ünï/%41', '用户']) {
      await a.broker.subscribeUser(user);
      await b.broker.emit(`u:${user}`, `for ${user}`);
      await until(() => a.ledger.signals(`u:${user}`).length === 1);
      expect(a.ledger.signals(`u:${user}`)).toEqual([`for ${user}`]);
    }
    expect(b.ledger.entries).toEqual([]);
  });

  test('[R5] a signal larger than a read of the socket arrives whole', async () => {
    const { broker, ledger } = await node();
    const user = fresh('user');
    await broker.subscribeUser(user);
    const large = 'é'.repeat(150_000);
    await Promise.all([broker.emit(`u:${user}`, 'before'), broker.emit(`u:${user}`, large), broker.emit(`u:${user}`, 'after')]);
    await until(() => ledger.signals(`u:${user}`).length === 3);
    expect(ledger.signals(`u:${user}`)).toEqual(['before', large, 'after']);
  });

  test('unsubscribe ends delivery at once for the listener, and a new subscribe goes on from the present', async () => {
    const [a, b] = [await node(), await node()];
    const [room, user, marker] = [fresh(), fresh('user'), fresh('marker')];
    await a.broker.subscribe(room, true);
    await a.broker.subscribeUser(user);
    await a.broker.subscribeUser(marker);
    await b.broker.publish(request(room, 'one'));
    await until(() => a.ledger.offsets(room).length === 1);
    const late = b.broker.publish(request(room, 'two'));
    a.broker.unsubscribe(`r:${room}`);
    a.broker.unsubscribe(`u:${user}`);
    a.broker.unsubscribe('r:never-subscribed');
    await late;
    await b.broker.emit(`u:${user}`, 'gone');
    await b.broker.emit(`u:${marker}`, 'here');
    await until(() => a.ledger.signals(`u:${marker}`).length === 1);
    expect(a.ledger.offsets(room)).toEqual([1]);
    const again = await a.broker.subscribe(room, true);
    expect(again.position.offset).toBe(2);
    expect(again.latest.map(({ offset }) => offset)).toEqual([1, 2]);
    await b.broker.publish(request(room, 'three'));
    await until(() => a.ledger.offsets(room).length === 2);
    expect(a.ledger.offsets(room)).toEqual([1, 3]);
    expect(a.ledger.signals(`u:${user}`)).toEqual([]);
  });

  test('unsubscribe and subscribe again in one turn: the new subscription holds', async () => {
    const { broker, ledger } = await node();
    const room = fresh();
    await broker.subscribe(room, true);
    broker.unsubscribe(`r:${room}`);
    const first = broker.subscribe(room, true).catch((error: unknown) => error);
    broker.unsubscribe(`r:${room}`);
    const second = broker.subscribe(room, true);
    await first;
    await second;
    for (let i = 1; i <= 5; i++) await broker.publish(request(room, `m${i}`));
    await until(() => ledger.offsets(room).length === 5);
    expect(ledger.offsets(room)).toEqual([1, 2, 3, 4, 5]);
  });

  test('many rooms and users subscribed to in one turn', async () => {
    const [a, b] = [await node(), await node()];
    const rooms = Array.from({ length: 300 }, () => fresh());
    const users = Array.from({ length: 300 }, () => fresh('user'));
    await Promise.all([...rooms.map((room) => a.broker.subscribe(room, true)), ...users.map((user) => a.broker.subscribeUser(user))]);
    await Promise.all([
      ...rooms.map((room) => b.broker.publish(request(room, 'hi'))),
      ...users.map((user) => b.broker.emit(`u:${user}`, 'hi')),
    ]);
    await until(() => a.ledger.entries.length === 600);
    expect(
      a.ledger
        .of('publication')
        .map(({ room }) => room)
        .sort(),
    ).toEqual([...rooms].sort());
  });

  test('subscribing twice is a misuse', async () => {
    const { broker } = await node();
    const [room, user] = [fresh(), fresh('user')];
    await broker.subscribe(room, true);
    await broker.subscribeUser(user);
    await expect(broker.subscribe(room, true)).rejects.toThrow(TypeError);
    await expect(broker.subscribeUser(user)).rejects.toThrow(TypeError);
  });

  test('after close nothing is delivered, and calls are refused as UNAVAILABLE', async () => {
    const [a, b] = [await node(), await node()];
    const room = fresh();
    await Promise.all([a.broker.subscribe(room, true), b.broker.subscribe(room, true)]);
    await a.broker.close();
    await b.broker.publish(request(room, 'late'));
    await until(() => b.ledger.offsets(room).length === 1);
    expect(a.ledger.entries).toEqual([]);
    await expect(a.broker.subscribe(fresh(), true)).rejects.toBeInstanceOf(HubError);
  });

  test('nothing is told about connectivity while all is well', async () => {
    const { broker, ledger } = await node();
    await broker.subscribe(fresh(), true);
    expect(ledger.of('connectivity')).toEqual([]);
    expect(ledger.of('healed')).toEqual([]);
  });
});
