import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { StoredEvent } from '#libs/events/events.ts';
import { SharedFeed } from '#libs/events/shared-feed.ts';
import type { Store } from '#libs/store/store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { bearer, RoomStage, SILENT } from '#test/support/room-stage.ts';

let database: PostgresDatabase;
let store: Store;
let redis: RedisServer;

beforeAll(async () => {
  [database, redis] = await Promise.all([PostgresDatabase.create(), RedisServer.start()]);
  store = await openStore({ url: database.url, timeoutMs: 20_000 });
});

afterAll(async () => {
  await store.close();
  await Promise.all([database.drop(), redis.stop()]);
});

/** A process that follows the events of members leaving, together with all others. */
function follower(holder: string, handle: (rooms: readonly string[]) => Promise<void>, maxAgeMs = 60_000) {
  const feed = new SharedFeed({
    source: store.events,
    consumer: 'notices',
    kinds: ['member_left'],
    maxAgeMs,
    handle: (events: readonly Extract<StoredEvent, { kind: 'member_left' }>[]) => handle(events.map(({ room }) => room)),
    holder,
    log: SILENT,
    everyMs: 5,
  });
  onTestFinished(() => feed.stop());
  return feed;
}

let serial = 0;

/** Adds an event of a room that is about nobody, and resolves with the room. */
async function happens(age = '0 s'): Promise<string> {
  serial += 1;
  const room = `group:f${serial}`;
  await database.query(`INSERT INTO events (kind, room, added_at) VALUES ('member_left', $1, clock_timestamp() - $2::interval)`, [
    room,
    age,
  ]);
  return room;
}

test('each event is handled by one of all processes, and wake resolves once those before it are', async () => {
  const handled: string[] = [];
  const feeds = ['one', 'two', 'three'].map((holder) => follower(holder, async (rooms) => void handled.push(...rooms)));
  await Promise.all(feeds.map((feed) => feed.start()));
  const rooms: string[] = [];
  for (let round = 0; round < 20; round += 1) {
    rooms.push(await happens());
    await feeds[round % 3]?.wake();
  }
  await expect.poll(() => handled.length).toBeGreaterThanOrEqual(20);
  expect(handled).toEqual(rooms);
});

test('what a process could not handle comes again, to it or to another', async () => {
  const refused: string[] = [];
  const handled: string[] = [];
  const dying = follower('dying', async (rooms) => {
    refused.push(...rooms);
    throw new Error('died');
  });
  const room = await happens();
  await dying.wake();
  expect(refused).toContain(room);
  await dying.stop();
  const living = follower('living', async (rooms) => void handled.push(...rooms));
  await living.wake();
  expect(handled).toEqual([room]);
  await living.wake();
  expect(handled).toEqual([room]);
});

test('a process that died while it held the consumer keeps others from it until its time is over', async () => {
  const { position } = await store.events.position('notices');
  expect(await store.events.hold('notices', position, 'dead', 60_000)).toBe(true);
  expect(await store.events.hold('notices', position, 'other', 60_000)).toBe(false);
  const handled: string[] = [];
  const room = await happens();
  const living = follower('living', async (rooms) => void handled.push(...rooms));
  await living.wake();
  expect(handled).toEqual([]);
  await database.query("UPDATE event_consumers SET held_until = clock_timestamp() - interval '1 ms'");
  await expect.poll(() => handled).toEqual([room]);
  // It comes to, and has lost the consumer: it moves nothing.
  expect(await store.events.release('notices', 'dead', position)).toBe(false);
});

test('events that are too old are passed over', async () => {
  const handled: string[] = [];
  const living = follower('living', async (rooms) => void handled.push(...rooms), 60_000);
  await happens('2 min');
  const room = await happens('1 s');
  await living.wake();
  expect(handled).toEqual([room]);
});

test('[A8] [A9] people are told what a process wrote that died before it could tell them', async () => {
  const [ann, bob] = [bearer('ann'), bearer('bob')];
  const stage = await RoomStage.start(redis.url);
  await stage.arrive(ann, bob);
  // As the API does it, up to the commit.
  await stage.store.pairs.match({ user: ann, keepHistory: true, candidates: [bob], room: 'pair:x', now: 1, expiresAt: 9_000_000_000_000 });
  const { rooms } = await stage.api();
  onTestFinished(() => rooms.noticeFeed.stop());
  await rooms.noticeFeed.start();
  await stage.settled(ann, bob);
  expect(stage.frames(ann, 'matched')).toMatchObject([{ room: 'pair:x', with: { id: 'bob' } }]);
  expect(stage.frames(bob, 'matched')).toMatchObject([{ room: 'pair:x', with: { id: 'ann' } }]);
  expect(stage.frames(bob, 'command')).toMatchObject([{ code: 'pair', body: { keepHistory: 'asked' } }]);
});
