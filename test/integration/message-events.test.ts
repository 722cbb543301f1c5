import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { EventFeed } from '#libs/events/event-feed.ts';
import { type StoredEvent, storedEvent } from '#libs/events/events.ts';
import { SharedFeed } from '#libs/events/shared-feed.ts';
import { migrate } from '#libs/store/migrate.ts';
import { ensurePartitions, monthOf } from '#libs/store/partitions.ts';
import type { Store } from '#libs/store/store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { PostgresServer, REPLICATED } from '#test/support/postgres-server.ts';
import { Random } from '#test/support/random.ts';
import { SILENT } from '#test/support/room-stage.ts';

const KINDS = ['message', 'member_joined', 'room_opened'] as const;
const ada = { id: 'ada', name: 'Ada' };
const bob = { id: 'bob', name: 'Bob' };

let database: PostgresDatabase;
let store: Store;
let mark: string;
const writers: Writer[] = [];

/** A connection that stores messages, also in a transaction that stays open. */
class Writer {
  readonly #client: pg.Client;

  constructor(url: string) {
    this.#client = new pg.Client({ connectionString: url });
  }

  static async open(url = database.url): Promise<Writer> {
    const writer = new Writer(url);
    await writer.#client.connect();
    writers.push(writer);
    return writer;
  }

  async run(sql: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
    return (await this.#client.query(sql, [...values])).rows;
  }

  /** Stores messages of a room. */
  async add(room: string, offsets: readonly number[], { epoch = 'e', at = Date.now() } = {}): Promise<void> {
    await this.run(
      `INSERT INTO messages (room, "offset", epoch, id, sender, text, at)
       SELECT $1, o, $2, 'm' || o, '{"id":"ada","name":"Ada"}', '"x"', $3 FROM unnest($4::bigint[]) AS o`,
      [room, epoch, at, offsets],
    );
  }

  async end(): Promise<void> {
    await this.#client.end();
  }
}

beforeAll(async () => {
  database = await PostgresDatabase.create();
  store = await openStore({ url: database.url, timeoutMs: 20_000 });
});

beforeEach(async () => {
  ({ mark } = await store.events.since(undefined, KINDS));
});

afterEach(async () => {
  await Promise.all(writers.splice(0).map((writer) => writer.end()));
});

afterAll(async () => {
  await store.close();
  await database.drop();
});

let serial = 0;
const newRoom = (): string => `park${++serial}`;

/** The events since the last look, in pages. */
async function look(): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (let more = true; more; ) {
    const page = await store.events.since(mark, KINDS);
    events.push(...page.entries.map(storedEvent));
    ({ mark, more } = page);
  }
  return events;
}

/** As `look`: the offsets of each room, in the order in which they came. */
async function offsets(): Promise<Record<string, number[]>> {
  const byRoom = Map.groupBy(await look(), ({ room }) => room ?? '');
  return Object.fromEntries([...byRoom].map(([room, events]) => [room, events.map(({ seq }) => seq)]));
}

describe('stored messages as events', () => {
  test('[M1] come once, with their sender, behind the events that came before them', async () => {
    const room = `group:${newRoom()}`;
    await store.rooms.create({ room, kind: 'group', title: '', owner: 'ada', keepHistory: true, createdAt: 1, expiresAt: 9e12 }, [
      ada,
      bob,
    ]);
    const message = {
      room,
      offset: 1,
      epoch: 'e',
      id: 'm1',
      sender: '{"id":"ada","name":"Ada"}',
      text: 'hi',
      data: undefined,
      at: Date.now(),
    };
    await store.messages.append(message);
    expect(await look()).toMatchObject([
      { kind: 'room_opened', room, users: ['ada', 'bob'] },
      { kind: 'message', room, seq: 1, users: ['ada'], payload: { offset: 1, epoch: 'e', id: 'm1' } },
    ]);
    expect(await look()).toEqual([]);
  });

  test('that are committed late are not passed over, and those of other rooms do not wait', async () => {
    const [one, other] = [newRoom(), newRoom()];
    const [slow, fast] = [await Writer.open(), await Writer.open()];
    await slow.run('BEGIN');
    await slow.add(one, [1]);
    await fast.add(other, [1, 2]);
    expect(await offsets()).toEqual({ [other]: [1, 2] });
    await fast.add(other, [3]);
    expect(await offsets()).toEqual({ [other]: [3] });
    await slow.run('COMMIT');
    expect(await offsets()).toEqual({ [one]: [1] });
    expect(await offsets()).toEqual({});
  });

  test('wait for a reader who asks for other kinds for a while', async () => {
    const room = newRoom();
    const writer = await Writer.open();
    await writer.add(room, [1]);
    const page = await store.events.since(mark, ['member_joined']);
    expect(page.entries).toEqual([]);
    ({ mark } = page);
    expect(await offsets()).toEqual({ [room]: [1] });
  });

  test('wait for those of the same room with a lower offset', async () => {
    const room = newRoom();
    const [slow, fast] = [await Writer.open(), await Writer.open()];
    await fast.add(room, [1, 2]);
    expect(await offsets()).toEqual({ [room]: [1, 2] });
    await slow.run('BEGIN');
    await slow.add(room, [3]);
    await fast.add(room, [4, 5]);
    expect(await offsets()).toEqual({});
    await fast.add(room, [6]);
    expect(await offsets()).toEqual({});
    await slow.run('COMMIT');
    expect(await offsets()).toEqual({ [room]: [3, 4, 5, 6] });
    await fast.add(room, [7]);
    expect(await offsets()).toEqual({ [room]: [7] });
  });

  test('wait for the first ones of a new room that keeps history', async () => {
    const room = `group:${newRoom()}`;
    const now = Date.now();
    await store.rooms.create({ room, kind: 'group', title: '', owner: 'ada', keepHistory: true, createdAt: now, expiresAt: 9e12 }, [ada]);
    await look();
    const writer = await Writer.open();
    await writer.add(room, [2]);
    expect(await offsets()).toEqual({});
    await writer.add(room, [1]);
    expect(await offsets()).toEqual({ [room]: [1, 2] });
  });

  test('[M7] do not wait where nothing can come: other events, a new epoch, the time before history, an hour', async () => {
    const writer = await Writer.open();
    const [changed, restarted, old, begun] = [newRoom(), newRoom(), newRoom(), newRoom()];
    for (const room of [changed, restarted]) await writer.add(room, [1]);
    await writer.run(`INSERT INTO room_events (room, "offset", epoch, id, kind, body, at) VALUES ($1, 2, 'e', 'c', 'change', '{}', 1)`, [
      changed,
    ]);
    await writer.add(changed, [3]);
    await writer.add(restarted, [9], { epoch: 'f' });
    await writer.add(old, [1, 3], { at: Date.now() - 3_700_000 });
    await writer.add(begun, [7]);
    const pair = `pair:${begun}`;
    const now = Date.now();
    await store.rooms.create({ room: pair, kind: 'group', title: '', owner: 'ada', keepHistory: false, createdAt: now, expiresAt: 9e12 }, [
      ada,
    ]);
    await writer.add(pair, [2], { at: now });
    await store.rooms.update(pair, { keepHistory: true }, now + 5);
    await writer.add(pair, [6], { at: now + 6 });
    const { [pair]: ofPair, ...rest } = await offsets();
    expect(rest).toEqual({ [changed]: [1, 3], [restarted]: [1, 9], [old]: [1, 3], [begun]: [7] });
    expect(ofPair?.slice(-2)).toEqual([2, 6]);
  });

  test('of thousands come in pages, with no transaction between two of them', async () => {
    const rooms = Array.from({ length: 7 }, newRoom);
    const [slow, fast] = [await Writer.open(), await Writer.open()];
    const [late] = rooms as [string];
    await fast.add(late, [1]);
    await look();
    await slow.run('BEGIN');
    // The later the transaction, the lower the offset.
    await slow.add(late, [4]);
    const all = Array.from({ length: 700 }, (_, index) => index + 1);
    for (const room of rooms.slice(1, 4)) await fast.add(room, all);
    await fast.add(late, [3]);
    for (const room of rooms.slice(4)) await fast.add(room, all);
    await fast.add(late, [2]);
    await slow.run('COMMIT');
    const first = await store.events.since(mark, KINDS);
    expect(first.more).toBe(true);
    expect(first.entries.length).toBeLessThan(2000);
    const found = await offsets();
    expect(found).toEqual({ [late]: [2, 3, 4], ...Object.fromEntries(rooms.slice(1).map((room) => [room, all])) });
  });

  test('of a room that was held are paged, too', async () => {
    const room = newRoom();
    const writer = await Writer.open();
    await writer.add(room, [1]);
    const above = Array.from({ length: 2500 }, (_, index) => index + 3);
    await writer.add(room, above);
    expect(await offsets()).toEqual({ [room]: [1] });
    await writer.add(room, [2]);
    expect(await offsets()).toEqual({ [room]: [2, ...above] });
    expect(await offsets()).toEqual({});
  });

  test('[M1] of many writers, in whatever order they commit, all come, and in the order of each room', async () => {
    const random = Random.fromEnvironment('message events');
    const rooms = Array.from({ length: 4 }, newRoom);
    const tops = new Map(rooms.map((room) => [room, 0]));
    const crowd = await Promise.all(Array.from({ length: 6 }, async () => ({ writer: await Writer.open(), isOpen: false })));
    // A public room may begin with any offset.
    for (const room of rooms) {
      await random.pick(crowd).writer.add(room, [1]);
      tops.set(room, 1);
    }
    const seen = new Map<string, number[]>(rooms.map((room) => [room, []]));
    const gather = async () => {
      for (const [room, found] of Object.entries(await offsets())) seen.get(room)?.push(...found);
    };
    await gather();
    for (let step = 0; step < 400; step += 1) {
      const one = random.pick(crowd);
      const room = random.pick(rooms);
      if (!one.isOpen) await one.writer.run('BEGIN');
      one.isOpen = true;
      const top = tops.get(room) ?? 0;
      const count = random.between(1, random.next() < 0.05 ? 900 : 5);
      await one.writer.add(
        room,
        Array.from({ length: count }, (_, index) => top + 1 + index),
      );
      tops.set(room, top + count);
      if (random.next() < 0.5) {
        await one.writer.run('COMMIT');
        one.isOpen = false;
      }
      if (random.next() < 0.3) await gather();
    }
    for (const { writer, isOpen } of crowd) if (isOpen) await writer.run('COMMIT');
    await gather();
    for (const room of rooms) {
      const firsts = [...new Set(seen.get(room))];
      expect(firsts, room).toEqual(Array.from({ length: tops.get(room) ?? 0 }, (_, index) => index + 1));
    }
  });

  test('are found in a month that is made later', async () => {
    const room = newRoom();
    const writer = await Writer.open();
    const far = monthOf(Date.now(), 8).from;
    const run = async <R>(sql: string, values: readonly unknown[] = []) => (await writer.run(sql, values)) as R[];
    await writer.add(room, [1, 2], { at: far });
    await writer.run('BEGIN');
    await ensurePartitions(run, far);
    await writer.run('COMMIT');
    await writer.add(room, [3], { at: far });
    expect(await offsets()).toEqual({ [room]: [1, 2, 3] });
  });
});

describe('a feed with messages', () => {
  test('gives a process what is stored from its start on', async () => {
    const room = newRoom();
    const writer = await Writer.open();
    await writer.add(room, [1]);
    const got: number[] = [];
    const feed = new EventFeed<'message'>({
      source: store.events,
      kinds: ['message'],
      listener: () => ({
        apply: async (events) => void got.push(...events.filter((event) => event.room === room).map(({ payload }) => payload.offset)),
        recheck: async () => undefined,
        upToDate: () => undefined,
      }),
      steady: () => performance.now(),
      log: SILENT,
      everyMs: 5,
    });
    onTestFinished(() => feed.stop());
    await feed.start();
    await writer.add(room, [2, 3]);
    await expect.poll(() => got).toEqual([2, 3]);
  });

  test('shared by all processes goes on behind a page of which every room is held', async () => {
    const writer = await Writer.open();
    await writer.run('INSERT INTO event_consumers (name, position) VALUES ($1, $2)', ['talk', mark]);
    const rooms = Array.from({ length: 300 }, newRoom);
    for (const room of rooms) await writer.add(room, [1]);
    const got: string[] = [];
    const feed = new SharedFeed<'message'>({
      source: store.events,
      consumer: 'talk',
      kinds: ['message'],
      handle: async (events) => void got.push(...events.map(({ room, seq }) => `${room} ${seq}`)),
      holder: 'one',
      log: SILENT,
    });
    onTestFinished(() => feed.stop());
    await feed.wake();
    expect(got).toHaveLength(300);
    for (const room of rooms) await writer.add(room, [3, 4, 5, 6]);
    const free = newRoom();
    await writer.add(free, [1]);
    await feed.wake();
    expect(got.slice(300)).toEqual([`${free} 1`]);
    for (const room of rooms) await writer.add(room, [2]);
    await feed.wake();
    expect(got.slice(301)).toEqual(expect.arrayContaining(rooms.flatMap((room) => [2, 3, 4, 5, 6].map((offset) => `${room} ${offset}`))));
  });
});

test('after a fail-over what was stored in the last minute comes again, and what comes then is not missed', async () => {
  const primary = await PostgresServer.start({ settings: REPLICATED });
  onTestFinished(() => primary.stop());
  await migrate(primary.url);
  const standby = await primary.standby();
  onTestFinished(() => standby.stop());
  const before = await openStore({ url: primary.url, timeoutMs: 20_000 });
  const writer = await Writer.open(primary.url);
  const { mark: start } = await before.events.since(undefined, KINDS);
  await writer.add('park', [1]);
  await writer.add('park', [2]);
  await writer.run(`UPDATE messages SET added_at = added_at - interval '5 min' WHERE "offset" = 1`);
  const read = await before.events.since(start, KINDS);
  expect(read.entries.map(({ seq }) => seq)).toEqual([1, 2]);
  await expect.poll(async () => (await standby.query('SELECT count(*)::int AS count FROM messages'))[0]?.['count']).toBe(2);
  await Promise.all([writer.end(), before.close()]);
  writers.splice(0);
  await primary.stop();
  await standby.promote();
  const after = await openStore({ url: standby.url, timeoutMs: 20_000 });
  onTestFinished(() => after.close());
  const next = await Writer.open(standby.url);
  await next.add('park', [3]);
  const again = await after.events.since(read.mark, KINDS);
  expect(again).toMatchObject({ complete: true });
  expect(again.entries.map(({ seq }) => seq)).toEqual([2, 3]);
  await next.add('park', [4]);
  const last = await after.events.since(again.mark, KINDS);
  expect(last.entries.map(({ seq }) => seq)).toEqual([4]);
});
