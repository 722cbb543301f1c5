import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { StoredMessage, StoredRoomEvent } from '#libs/store/message-store.ts';
import type { Store } from '#libs/store/store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { muteStore } from '#test/support/mute-stats.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';

const DAY = 86_400_000;

let database: PostgresDatabase;
let store: Store;

beforeEach(async () => {
  database = await PostgresDatabase.create();
  store = await openStore({ url: database.url, timeoutMs: 20_000 });
});

afterEach(async () => {
  await store.close();
  await database.drop();
});

function message(room: string, offset: number, at: number): StoredMessage {
  return { room, offset, epoch: 'e', id: `${room}-${offset}`, sender: '{}', text: 'hello', data: undefined, at };
}

async function partitions(): Promise<unknown[]> {
  const rows = await database.query("SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'messages'::regclass");
  return rows.map(({ name }) => name).toSorted();
}

async function count(table: string): Promise<unknown> {
  return (await database.query(`SELECT count(*)::integer AS n FROM ${table}`))[0]?.['n'];
}

test('partitions are made ahead, once, by several at the same time; what lay in the default one is moved', async () => {
  const now = Date.UTC(2040, 11, 20);
  await store.messages.append(message('group:a', 1, now));
  await store.messages.append(message('group:a', 2, Date.UTC(2041, 1, 1)));
  expect(await count('messages_default')).toBe(2);
  await Promise.all(Array.from({ length: 5 }, () => store.upkeep.ensurePartitions(now)));
  expect(await partitions()).toEqual(expect.arrayContaining(['messages_2040_12', 'messages_2041_01', 'messages_2041_02']));
  expect(await count('messages_default')).toBe(0);
  expect(await count('messages_2041_02')).toBe(1);
  expect((await store.messages.after('group:a', 0, 10)).map(({ offset }) => offset)).toEqual([1, 2]);
});

test('messages go on being stored while partitions are made', async () => {
  const writes = Array.from({ length: 200 }, (_, i) => store.messages.append(message('group:a', i + 1, Date.UTC(2050, i % 12, 5))));
  await Promise.all([...writes, ...Array.from({ length: 4 }, (_, i) => store.upkeep.ensurePartitions(Date.UTC(2050, i * 3)))]);
  expect(await store.messages.after('group:a', 0, 1000)).toHaveLength(200);
});

test('[M7] an event goes with the message whose text it has, once that is old', async () => {
  const now = Date.UTC(2030, 5, 20);
  const [old, late] = [now - 40 * DAY, now - 2 * DAY];
  const event = (offset: number, target: number, at: number): StoredRoomEvent => {
    const body = JSON.stringify({
      id: `e${offset}`,
      kind: 'test.change',
      target: { offset: target, id: 'm' },
      version: 1,
      message: {},
      at,
    });
    return { room: 'group:e', offset, epoch: 'e', id: `e${offset}`, kind: 'test.change', target: { offset: target, version: 1 }, body, at };
  };
  await store.messages.append(message('group:e', 1, old));
  await store.messages.append(message('group:e', 2, late));
  // 9 is not stored yet: its change is young.
  for (const one of [event(3, 1, late), event(4, 2, late), event(5, 9, now)]) await store.messages.append(one);
  expect(await store.upkeep.dropHistory(30, now)).toBe(2);
  expect((await store.messages.after('group:e', 0, 10)).map(({ offset }) => offset)).toEqual([2, 4, 5]);
});

test('old history: whole months are dropped, the rest is deleted, what is younger stays', async () => {
  const now = Date.UTC(2040, 5, 20);
  await store.upkeep.ensurePartitions(Date.UTC(2040, 2, 1));
  await store.upkeep.ensurePartitions(now);
  const times = [Date.UTC(1990, 1), Date.UTC(2040, 2, 31), Date.UTC(2040, 3, 30), Date.UTC(2040, 4, 10), now - 30 * DAY, now];
  for (const [i, at] of times.entries()) await store.messages.append(message('group:a', i + 1, at));
  expect(await store.upkeep.dropHistory(0, now)).toBe(0);
  // What a month that is dropped held is only reckoned.
  await database.query('ANALYZE messages');
  expect(await store.upkeep.dropHistory(30, now)).toBe(4);
  expect((await store.messages.after('group:a', 0, 10)).map(({ offset }) => offset)).toEqual([5, 6]);
  expect(await partitions()).not.toContain('messages_2040_04');
  expect(await partitions()).toContain('messages_2040_05');
  expect(await store.messages.top('group:a')).toBe(6);
  expect(await store.upkeep.dropHistory(30, now)).toBe(0);
});

test('months that somebody reads for long are dropped another time, and who writes meanwhile is not held up', async () => {
  const now = Date.UTC(2040, 5, 20);
  await store.upkeep.ensurePartitions(Date.UTC(2040, 2, 1));
  for (const [i, month] of [2, 3, 4].entries()) await store.messages.append(message('group:a', i + 1, Date.UTC(2040, month, 5)));
  const told: boolean[] = [];
  const observe = muteStore({ up: (up) => void told.push(up) });
  const keeper = await openStore({ url: database.url, timeoutMs: 20_000, observe });
  const reader = new pg.Client({ connectionString: database.url });
  await reader.connect();
  try {
    await reader.query('BEGIN');
    await reader.query('SELECT count(*) FROM messages');
    let written = 3;
    let over = false;
    const dropping = keeper.upkeep.dropHistory(30, now).finally(() => {
      over = true;
    });
    while (!over) {
      written += 1;
      await store.messages.append(message('group:a', written, now));
    }
    expect(await dropping).toBe(0);
    // Nor are the rows of such months deleted one by one.
    expect(await count('messages')).toBe(written);
    await reader.query('COMMIT');
    await keeper.upkeep.dropHistory(30, now);
    expect(await count('messages')).toBe(written - 3);
    expect(await partitions()).not.toContain('messages_2040_04');
    expect(told).toEqual([true]);
  } finally {
    await reader.end();
    await keeper.close();
  }
});

test('what is over goes: keys after an hour, codes, tickets, families, sanctions; what is not stays', async () => {
  const now = Date.now();
  const over = { expiresAt: now - 1 };
  const good = { expiresAt: now + 10 * DAY };
  for (const [attempt, { expiresAt }] of Object.entries({ over, good }))
    await store.codes.put({ attempt, account: 'a', asker: 'x', hash: 'h', expiresAt });
  await store.logins.putTicket('a', 'm', over.expiresAt);
  await store.logins.putTicket('b', 'm', good.expiresAt);
  await store.logins.openFamily({ id: 'a', userId: 'u', name: 'n', kind: 'user', ...over }, 's');
  await store.logins.openFamily({ id: 'b', userId: 'u', name: 'n', kind: 'user', ...good }, 's');
  const revocation = { kind: 'token', subject: 'u', reason: '', at: 0 } as const;
  await store.revocations.add({ ...revocation, until: over.expiresAt });
  await store.revocations.add({ ...revocation, until: good.expiresAt });
  await database.query("UPDATE sanctions SET added_at = now() - interval '1 hour'");
  await store.revocations.add({ ...revocation, until: over.expiresAt });
  await store.messages.append(message('group:a', 1, now));
  expect(await store.upkeep.dropExpired(now)).toBe(4);
  expect(await count('sanctions')).toBe(2);
  expect((await store.messages.find('group:a', 'group:a-1')).first).toBeDefined();
  expect(await store.upkeep.dropExpired(now + DAY)).toBeGreaterThanOrEqual(1);
  expect((await store.messages.find('group:a', 'group:a-1')).first).toBeUndefined();
  expect(await store.messages.after('group:a', 0, 10)).toHaveLength(1);
  expect(await store.logins.ticket('b', now)).toBe('m');
});

test('[A11] a ban and a disconnect that ended stay for 31 days: a node that stood still closes what it still has', async () => {
  const now = Date.now();
  await database.query('DELETE FROM sanctions');
  for (const kind of ['ban', 'disconnect', 'login'] as const)
    await store.revocations.add({ kind, subject: 'u', reason: '', at: 0, until: now - 1 });
  const kinds = async () => (await database.query('SELECT kind FROM sanctions ORDER BY seq')).map(({ kind }) => kind);
  await database.query("UPDATE sanctions SET added_at = now() - interval '30 days'");
  await store.upkeep.dropExpired(now);
  expect(await kinds()).toEqual(['ban', 'disconnect']);
  await database.query("UPDATE sanctions SET added_at = now() - interval '32 days'");
  await store.upkeep.dropExpired(now);
  expect(await kinds()).toEqual([]);
});

test('guests who were not here for 30 days are forgotten, others are not', async () => {
  const now = 100 * DAY;
  const touch = (user: string, kind: string, days: number) => store.seen.touch({ user, name: user, kind, lastSeen: now - days * DAY });
  touch('gone', 'guest', 31);
  touch('here', 'guest', 29);
  touch('account', 'user', 90);
  touch('max', 'agent', 90);
  expect(await store.seen.get(['gone'])).toHaveLength(1);
  expect(await store.upkeep.dropExpired(now)).toBe(1);
  const left = await store.seen.get(['gone', 'here', 'account', 'max']);
  expect(left.map(({ user }) => user).toSorted()).toEqual(['account', 'here', 'max']);
});

test('[M3] direct rooms of which nothing is left go with members and cursors; made again they go on above what was', async () => {
  const now = 100 * DAY;
  const members = [
    { id: 'ada', name: 'Ada' },
    { id: 'bob', name: 'Bob' },
  ];
  const make = (name: string, days: number) =>
    store.rooms.create(
      {
        room: name,
        kind: name.startsWith('dm:') ? 'dm' : 'group',
        title: '',
        owner: '',
        keepHistory: true,
        createdAt: now - days * DAY,
        expiresAt: undefined,
      },
      members,
    );
  const said: Readonly<Record<string, number | undefined>> = {
    'dm:silent': 41,
    'dm:kept': 39,
    'dm:lately': 1,
    'group:silent': 41,
    'dm:never': undefined,
  };
  for (const [name, days] of Object.entries(said)) {
    await make(name, 80);
    if (days === undefined) continue;
    await store.messages.append(message(name, 7, now - days * DAY));
    await store.cursors.advance('ada', name, 7);
  }
  await make('dm:new', 2);
  expect(await store.upkeep.dropSilentRooms(40, now)).toEqual([{ room: 'dm:never', members: ['ada', 'bob'] }]);
  // What is left counts, however old.
  await store.upkeep.dropHistory(40, now);
  expect(await store.upkeep.dropSilentRooms(0, now)).toEqual([]);
  expect(await store.upkeep.dropSilentRooms(40, now)).toEqual([{ room: 'dm:silent', members: ['ada', 'bob'] }]);
  expect(await store.upkeep.dropSilentRooms(40, now)).toEqual([]);
  const rooms = await database.query('SELECT room FROM rooms ORDER BY room');
  expect(rooms.map(({ room }) => room)).toEqual(['dm:kept', 'dm:lately', 'dm:new', 'group:silent']);
  expect((await store.cursors.delivered('ada', 'dm:silent')).delivered).toBe(0);
  expect(await store.rooms.members('dm:silent')).toEqual([]);
  expect(await store.messages.top('dm:silent')).toBe(7);
  // Of few days of history a room is kept for thirty.
  await store.upkeep.dropHistory(1, now);
  expect(await store.upkeep.dropSilentRooms(1, now - 10 * DAY)).toEqual([]);
  expect(await store.upkeep.dropSilentRooms(1, now)).toMatchObject([{ room: 'dm:kept' }]);
});

test('rooms closed for over 30 days go with all that is theirs', async () => {
  const now = 100 * DAY;
  const room = { kind: 'group', title: '', owner: '', keepHistory: true, createdAt: 1, expiresAt: undefined } as const;
  for (const name of ['group:old', 'group:young', 'group:open']) {
    await store.rooms.create({ ...room, room: name }, [{ id: 'ada', name: 'Ada' }]);
    await store.messages.append(message(name, 1, now));
    await store.cursors.advance('ada', name, 1);
  }
  await store.rooms.close('group:old', 'closed', now - 31 * DAY);
  await store.rooms.close('group:young', 'closed', now - 29 * DAY);
  expect(await store.upkeep.dropClosedRooms(now)).toBe(1);
  expect(await store.rooms.get('group:old')).toBeUndefined();
  expect(await store.rooms.members('group:old')).toEqual([]);
  for (const table of ['cursors', 'messages', 'message_keys', 'room_tops', 'room_members', 'rooms']) expect(await count(table)).toBe(2);
});
