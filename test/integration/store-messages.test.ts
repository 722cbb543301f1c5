import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventJson } from '#libs/protocol/room-event.ts';
import type { StoredMessage, StoredRoomEvent } from '#libs/store/message-store.ts';
import type { Store } from '#libs/store/store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { muteStore } from '#test/support/mute-stats.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';

let database: PostgresDatabase;
let store: Store;
let other: Store;
const groups: number[] = [];

beforeAll(async () => {
  database = await PostgresDatabase.create();
  store = await openStore({
    url: database.url,
    timeoutMs: 20_000,
    observe: muteStore({ group: (size) => groups.push(size) }),
  });
  other = await openStore({ url: database.url, timeoutMs: 20_000 });
});

afterAll(async () => {
  await Promise.all([store.close(), other.close()]);
  await database.drop();
});

const AT = Date.now();

function message(room: string, offset: number, change: Partial<StoredMessage> = {}): StoredMessage {
  const sender = JSON.stringify({ id: 'u1', name: 'Ada' });
  return {
    room,
    offset,
    epoch: 'e1',
    id: `${room}-${offset}`,
    sender,
    text: `text ${offset}`,
    data: undefined,
    at: AT + offset,
    ...change,
  };
}

function placeOf({ offset, epoch, at }: StoredMessage): object {
  return { offset, epoch, at };
}

describe('append', () => {
  test('[M1] stores what it was given, and resolves with its place once it can be read elsewhere', async () => {
    const said = message('group:a', 1, { data: '{"a":[1,2.50,"x"]}' });
    expect(await store.messages.append(said)).toEqual(placeOf(said));
    expect(await other.messages.after('group:a', 0, 10)).toEqual([said]);
    expect(await other.messages.top('group:a')).toBe(1);
    expect(await other.messages.find('group:a', said.id)).toEqual({ first: placeOf(said), top: 1 });
    expect(await other.messages.find('group:a', 'never')).toEqual({ first: undefined, top: 1 });
    expect(await other.messages.find('group:never', 'never')).toEqual({ first: undefined, top: 0 });
  });

  test('[M2] the same id again gets the first one’s place, in one group, in another, from another node', async () => {
    const first = message('group:b', 1, { id: 'same' });
    const again = message('group:b', 2, { id: 'same', epoch: 'e2', at: AT + 99 });
    const together = await Promise.all([store.messages.append(first), store.messages.append(again)]);
    expect(together).toEqual([placeOf(first), placeOf(first)]);
    expect(await store.messages.append(again)).toEqual(placeOf(first));
    expect(await other.messages.append(again)).toEqual(placeOf(first));
    expect(await store.messages.after('group:b', 0, 10)).toEqual([first]);
  });

  test('[M2] two nodes that append the same ids at once store each once, and agree', async () => {
    const both = await Promise.all(
      Array.from({ length: 300 }, (_, i) => {
        const one = message('group:both', i + 1, { id: `id-${i}` });
        return Promise.all([store.messages.append(one), other.messages.append(one)]);
      }),
    );
    for (const [i, [one, two]] of both.entries()) {
      expect(one).toEqual(placeOf(message('group:both', i + 1)));
      expect(two).toEqual(one);
    }
    expect((await store.messages.after('group:both', 0, 1000)).map(({ offset }) => offset)).toEqual(both.map((_, i) => i + 1));
  });

  test('[M3] an offset that another message has is a conflict, and the others of the group are stored', async () => {
    await store.messages.append(message('group:c', 5));
    const results = await Promise.all([
      store.messages.append(message('group:c', 5, { id: 'late' })),
      store.messages.append(message('group:c', 6)),
      store.messages.append(message('group:c', 7, { id: 'x' })),
      store.messages.append(message('group:c', 7, { id: 'y' })),
    ]);
    expect(results[0]).toBe('conflict');
    expect(results[1]).toEqual(placeOf(message('group:c', 6)));
    expect(results.slice(2).filter((result) => result === 'conflict')).toHaveLength(1);
    expect((await store.messages.after('group:c', 0, 10)).map(({ offset }) => offset)).toEqual([5, 6, 7]);
  });

  test('[M3] offsets are taken for ever: also when the keys of the last hour are gone', async () => {
    const first = message('group:old', 1, { at: Date.UTC(2020, 1) });
    await store.messages.append(first);
    await store.messages.append(message('group:old', 2));
    await database.query("DELETE FROM message_keys WHERE room = 'group:old'");
    expect(await store.messages.append(message('group:old', 1, { id: 'other' }))).toBe('conflict');
    expect(await store.messages.append({ ...first, at: first.at + 5 })).toEqual(placeOf(first));
    expect((await store.messages.after('group:old', 0, 10)).length).toBe(2);
  });

  test('a lower offset that nobody has, is stored: the sweep comes later', async () => {
    await store.messages.append(message('group:gap', 9));
    expect(await store.messages.append(message('group:gap', 4))).toEqual(placeOf(message('group:gap', 4)));
    expect(await store.messages.top('group:gap')).toBe(9);
  });

  test('calls of the same moment go out together', async () => {
    groups.length = 0;
    await Promise.all(Array.from({ length: 500 }, (_, i) => store.messages.append(message('group:many', i + 1))));
    expect(groups.reduce((sum, size) => sum + size)).toBe(500);
    expect(groups.length).toBeLessThan(20);
  });

  test('any JSON string comes back as it was: NUL, lone surrogates, quotes, braces, astral planes', async () => {
    const texts = [
      '\u0000',
      'a\u0000b',
      '\ud800',
      'x\udc00y',
      '"\\{},NULL',
      'NULL',
      '',
      '\u2028\u2029\ufeff',
      '\ud83d\ude00',
      '\\u0000',
      "'; DROP",
    ];
    const said = texts.map((text, i) =>
      message('group:texts', i + 1, { text, data: JSON.stringify({ text }), sender: JSON.stringify({ id: 'u', name: text }) }),
    );
    await Promise.all(said.map((one) => store.messages.append(one)));
    expect(await store.messages.after('group:texts', 0, 100)).toEqual(said);
  });

  test('a message that cannot be stored fails alone', async () => {
    // Too long for an index, and too random to be packed.
    const endless = randomBytes(6000).toString('base64');
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) =>
        store.messages.append(i === 7 ? message('group:bad', Number.NaN) : message('group:bad', i + 1, i === 11 ? { id: endless } : {})),
      ),
    );
    const failed = results.flatMap((result, i) => (result.status === 'rejected' ? [[i, result.reason.code]] : []));
    expect(failed).toEqual([
      [7, 'INVALID_REQUEST'],
      [11, 'INVALID_REQUEST'],
    ]);
    expect(await store.messages.after('group:bad', 0, 100)).toHaveLength(18);
  });

  test('groups of many nodes with the same rooms do not stand in each other’s way', async () => {
    const nodes = await Promise.all(Array.from({ length: 4 }, () => openStore({ url: database.url, timeoutMs: 20_000 })));
    const rooms = Array.from({ length: 8 }, (_, i) => `group:shared-${i}`);
    await Promise.all(
      nodes.flatMap((node, n) =>
        Array.from({ length: 400 }, (_, i) => {
          const room = rooms[(i * (n + 3)) % rooms.length] ?? '';
          return node.messages.append(message(room, 1 + n + i * nodes.length, { id: `${n}-${i}` }));
        }),
      ),
    );
    const pages = await Promise.all(rooms.map((room) => store.messages.after(room, 0, 5000)));
    expect(pages.flat()).toHaveLength(1600);
    await Promise.all(nodes.map((node) => node.close()));
  });

  test('messages of any time find a place, without a partition of their month', async () => {
    const times = [0, 1, Date.UTC(1999, 11, 31), Date.UTC(2199, 1), AT];
    const said = times.map((at, i) => message('group:times', i + 1, { at }));
    for (const one of said) await store.messages.append(one);
    expect(await store.messages.after('group:times', 0, 10)).toEqual(said);
  });
});

describe('pages', () => {
  const months = Array.from({ length: 5 }, (_, i) => Date.UTC(2030, i, 3));
  const said = Array.from({ length: 50 }, (_, i) => message('group:pages', (i + 1) * 2, { at: (months[(i % 10) >> 1] ?? 0) + i }));

  beforeAll(async () => {
    await store.upkeep.ensurePartitions(Date.UTC(2030, 0, 15));
    await Promise.all(said.map((one) => store.messages.append(one)));
  });

  test('before: the newest below an offset, oldest first, over partitions', async () => {
    expect(await store.messages.before('group:pages', Number.POSITIVE_INFINITY, 10)).toEqual({ messages: said.slice(-10), more: true });
    expect(await store.messages.before('group:pages', 21, 10)).toEqual({ messages: said.slice(0, 10), more: false });
    expect(await store.messages.before('group:pages', 22, 9)).toEqual({ messages: said.slice(1, 10), more: true });
    expect(await store.messages.before('group:pages', 2, 10)).toEqual({ messages: [], more: false });
    expect(await store.messages.before('group:none', 5, 10)).toEqual({ messages: [], more: false });
  });

  test('after: the oldest above an offset, oldest first', async () => {
    expect(await store.messages.after('group:pages', 0, 3)).toEqual(said.slice(0, 3));
    expect(await store.messages.after('group:pages', 96, 10)).toEqual(said.slice(-2));
  });

  test('a page fetches no row beyond its bytes, yet always one', async () => {
    const data = JSON.stringify('x'.repeat(16_000));
    const large = Array.from({ length: 30 }, (_, i) => message('group:large', i + 1, { data }));
    await Promise.all(large.map((one) => store.messages.append(one)));
    const bytes = 64 * 1024;
    expect(await store.messages.before('group:large', Number.POSITIVE_INFINITY, 20, bytes)).toEqual({
      messages: large.slice(-5),
      more: true,
    });
    expect(await store.messages.before('group:large', 4, 20, bytes)).toEqual({ messages: large.slice(0, 3), more: false });
    expect(await store.messages.before('group:large', 6, 20, bytes)).toEqual({ messages: large.slice(0, 5), more: false });
    expect(await store.messages.before('group:large', 7, 20, 1)).toEqual({ messages: large.slice(5, 6), more: true });
    expect(await store.messages.after('group:large', 0, 20, bytes)).toEqual(large.slice(0, 5));
    expect(await store.messages.after('group:large', 28, 20, bytes)).toEqual(large.slice(-2));
    expect(await store.messages.after('group:large', 0, 20, 1)).toEqual(large.slice(0, 1));
  });

  test('offsets are read without their messages', async () => {
    expect((await store.messages.offsets('group:pages', 10, 17)).sort((one, other) => one - other)).toEqual([12, 14, 16]);
    expect(await store.messages.offsets('group:none', 0, 100)).toEqual([]);
  });
});

describe('[M7] the other events of a room', () => {
  const event = (room: string, offset: number, more: Partial<StoredRoomEvent> = {}): StoredRoomEvent => {
    const { target } = more;
    const body = eventJson({
      id: `${room}-e${offset}`,
      kind: 'test.change',
      target: target && { offset: target.offset, id: `${room}-${target.offset}` },
      version: target?.version,
      message: target && JSON.stringify({ id: `${room}-${target.offset}`, text: `state ${target.version}` }),
      at: AT + offset,
    });
    return { room, offset, epoch: 'e1', id: `${room}-e${offset}`, kind: 'test.change', target: undefined, body, at: AT + offset, ...more };
  };

  test('take their places among the messages, and are read as they were stored', async () => {
    const log = [
      message('group:log', 1),
      event('group:log', 2, { target: { offset: 1, version: 2 } }),
      message('group:log', 3),
      event('group:log', 4, { target: { offset: 1, version: 1 } }),
      event('group:log', 5),
    ];
    expect(await Promise.all(log.map((entry) => store.messages.append(entry)))).toEqual(
      log.map(({ offset, epoch, at }) => ({ offset, epoch, at })),
    );
    expect(await store.messages.top('group:log')).toBe(5);
    const [first, ...rest] = await store.messages.after('group:log', 0, 10);
    expect(first).toEqual({ ...log[0], change: { offset: 2, body: (log[1] as StoredRoomEvent).body } });
    expect(rest).toEqual(log.slice(1));
    expect(await store.messages.after('group:log', 1, 2)).toEqual(log.slice(1, 3));
    expect((await store.messages.offsets('group:log', 0, 4)).sort()).toEqual([1, 2, 3, 4]);
    const { messages, more } = await store.messages.before('group:log', Number.POSITIVE_INFINITY, 1);
    expect({ messages, more }).toEqual({ messages: [log[2]], more: true });
    expect((await store.messages.before('group:log', 3, 10)).messages).toEqual([
      { ...log[0], change: { offset: 2, body: (log[1] as StoredRoomEvent).body } },
    ]);
  });

  test('are stored once, and never where something else stands', async () => {
    const first = event('group:once', 1);
    expect(await store.messages.append(first)).toMatchObject({ offset: 1 });
    expect(await other.messages.append({ ...first, offset: 7 })).toMatchObject({ offset: 1 });
    expect(await store.messages.append(message('group:once', 1))).toBe('conflict');
    expect(await store.messages.append(message('group:once', 2))).toMatchObject({ offset: 2 });
    expect(await store.messages.append(event('group:once', 2))).toBe('conflict');
    // An hour later the keys are gone, and the places are not.
    await database.query(`DELETE FROM message_keys WHERE room = 'group:once'`);
    expect(await store.messages.append(message('group:once', 1))).toBe('conflict');
    expect(await store.messages.append(event('group:once', 2, { id: 'another' }))).toBe('conflict');
    expect(await store.messages.append(first)).toMatchObject({ offset: 1 });
  });
});
