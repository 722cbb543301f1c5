import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Person } from '#libs/protocol/frame-types.ts';
import type { StoredMessage } from '#libs/store/message-store.ts';
import type { NewRoom } from '#libs/store/room-store.ts';
import type { Store } from '#libs/store/store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';

let database: PostgresDatabase;
let store: Store;
let other: Store;

beforeAll(async () => {
  database = await PostgresDatabase.create();
  store = await openStore({ url: database.url, timeoutMs: 20_000 });
  other = await openStore({ url: database.url, timeoutMs: 20_000 });
});

afterAll(async () => {
  await Promise.all([store.close(), other.close()]);
  await database.drop();
});

const ada: Person = { id: 'ada', name: 'Ada' };
const bob: Person = { id: 'bob', name: 'Bob' };
const cleo: Person = { id: 'cleo', name: 'Cleo' };

function group(name: string, change: Partial<NewRoom> = {}): NewRoom {
  return {
    room: `group:${name}`,
    kind: 'group',
    title: name,
    owner: 'ada',
    keepHistory: true,
    createdAt: 1000,
    expiresAt: undefined,
    ...change,
  };
}

function message(room: string, offset: number, at = 2000): StoredMessage {
  return { room, offset, epoch: 'e', id: `${room}-${offset}`, sender: '{"id":"ada","name":"Ada"}', text: 'hello', data: undefined, at };
}

describe('rooms', () => {
  test('[A8] a room is made with its members, once', async () => {
    const room = group('made', { expiresAt: 5000 });
    const results = await Promise.all([store, other, store, other].map((one) => one.rooms.create(room, [cleo, ada, bob])));
    expect(results.toSorted()).toEqual(['created', 'exists', 'exists', 'exists']);
    expect(await other.rooms.create({ ...room, title: 'other' }, [{ id: 'dora', name: 'Dora' }])).toBe('exists');
    const record = { ...room, historyFrom: 1000, closedAt: undefined, closedReason: undefined };
    expect(await other.rooms.get(room.room)).toEqual(record);
    expect(await other.rooms.members(room.room)).toEqual([cleo, ada, bob]);
    expect(await other.rooms.withMembers(room.room)).toEqual({ room: record, members: [cleo, ada, bob] });
    expect(await other.rooms.get('group:none')).toBeUndefined();
    expect(await other.rooms.withMembers('group:none')).toBeUndefined();
    await store.rooms.create(group('empty'), []);
    expect((await other.rooms.withMembers('group:empty'))?.members).toEqual([]);
    expect(await other.rooms.membersOf([room.room, 'group:empty', 'group:none'])).toEqual(new Map([[room.room, [cleo, ada, bob]]]));
  });

  test('[R2] how one user stands in a room is told to all who ask at the same moment', async () => {
    const record = group('standing');
    await store.rooms.create(record, [ada, bob]);
    await store.rooms.create({ ...group('x'), room: 'dm:standing', kind: 'dm' }, [cleo, ada]);
    await store.rooms.close(record.room, 'closed', 2000);
    const questions: [room: string, user?: string][] = [
      [record.room, 'ada'],
      [record.room, 'cleo'],
      ['group:none', 'ada'],
      ['dm:standing', 'ada'],
      ['dm:standing', 'bob'],
      ['dm:standing'],
      [record.room, 'ada'],
    ];
    const answers = await Promise.all(questions.map(([room, user]) => other.rooms.standing(room, user)));
    expect(answers.map((answer) => answer && [answer.room.room, answer.isMember, answer.privateMembers])).toEqual([
      [record.room, true, []],
      [record.room, false, []],
      undefined,
      ['dm:standing', true, ['cleo', 'ada']],
      ['dm:standing', false, ['cleo', 'ada']],
      ['dm:standing', false, ['cleo', 'ada']],
      [record.room, true, []],
    ]);
    expect(answers[0]?.room).toMatchObject({ kind: 'group', closedAt: 2000, closedReason: 'closed', keepHistory: true });
  });

  test('[A8] an owner has a limited number of open groups, however many are made at the same moment', async () => {
    const owner = 'collector';
    await store.rooms.create({ ...group('dm', { owner }), room: 'dm:of-collector', kind: 'dm' }, [ada]);
    const make = (n: number, max: number) => (n % 2 ? store : other).rooms.createGroup(group(`owned-${n}`, { owner }), [ada], max);
    const results = await Promise.all(Array.from({ length: 20 }, (_, n) => make(n, 5)));
    expect(results.filter((result) => result === 'created')).toHaveLength(5);
    expect(results.filter((result) => result === 'too-many')).toHaveLength(15);
    const [one] = await database.query('SELECT room FROM rooms WHERE owner = $1 AND kind = $2 LIMIT 1', [owner, 'group']);
    await store.rooms.close(String(one?.['room']), 'closed', 5000);
    expect(await make(20, 5)).toBe('created');
    expect(await make(20, 6)).toBe('exists');
    expect(await make(21, 5)).toBe('too-many');
  });

  test('[A8] changes of a room that is open; null takes the end away', async () => {
    await store.rooms.create(group('changed', { expiresAt: 5000 }), [ada]);
    const change = (what: Parameters<Store['rooms']['update']>[1]) => store.rooms.update('group:changed', what, 2000);
    expect(await change({ title: 'New' })).toMatchObject({ title: 'New', keepHistory: true, expiresAt: 5000 });
    expect(await change({ keepHistory: false, expiresAt: null })).toMatchObject({ title: 'New', keepHistory: false, expiresAt: undefined });
    expect(await change({ expiresAt: 7000 })).toMatchObject({ expiresAt: 7000 });
    expect(await store.rooms.update('group:none', { title: 'x' }, 2000)).toBeUndefined();
    await store.rooms.close('group:changed', 'closed', 3000);
    expect(await change({ title: 'late' })).toBeUndefined();
  });

  test('[R3] history is kept from when it was switched on last', async () => {
    await store.rooms.create(group('kept'), [ada]);
    await store.rooms.create(group('unkept', { keepHistory: false }), [ada]);
    const change = (name: string, what: Parameters<Store['rooms']['update']>[1], now: number) =>
      store.rooms.update(`group:${name}`, what, now);
    expect(await store.rooms.get('group:kept')).toMatchObject({ historyFrom: 1000 });
    expect(await change('kept', { keepHistory: true }, 2000)).toMatchObject({ historyFrom: 1000 });
    expect(await change('kept', { title: 'New' }, 2000)).toMatchObject({ historyFrom: 1000 });
    expect(await change('kept', { keepHistory: false }, 3000)).toMatchObject({ historyFrom: undefined });
    expect(await change('kept', { keepHistory: true }, 4000)).toMatchObject({ historyFrom: 4000 });
    expect(await store.rooms.get('group:unkept')).toMatchObject({ historyFrom: undefined });
    expect(await change('unkept', { title: 'New' }, 2000)).toMatchObject({ historyFrom: undefined });
    expect(await change('unkept', { keepHistory: true }, 2000)).toMatchObject({ historyFrom: 2000 });
  });

  test('[A8] a new member has nothing waiting, who was there before keeps what is', async () => {
    await store.rooms.create(group('join'), [ada]);
    await store.messages.append(message('group:join', 7));
    await store.rooms.addMembers('group:join', [ada, bob], 1000);
    expect(await store.rooms.members('group:join')).toEqual([ada, bob]);
    expect((await store.cursors.delivered('bob', 'group:join')).delivered).toBe(7);
    expect((await store.cursors.delivered('ada', 'group:join')).delivered).toBe(0);
    expect(await store.rooms.removeMembers('group:join', ['cleo', 'bob'])).toEqual(['bob']);
    expect(await store.rooms.removeMembers('group:join', ['bob'])).toEqual([]);
    await store.messages.append(message('group:join', 8));
    await store.rooms.addMembers('group:join', [bob], 1000);
    expect((await store.cursors.delivered('bob', 'group:join')).delivered).toBe(8);
    expect(await store.rooms.addMembers('group:none', [bob], 1000)).toBe('closed');
    expect(await store.rooms.members('group:none')).toEqual([]);
  });

  test('[A8] ten who add at once make a room no larger than it may be, and who is in it already takes no second place', async () => {
    await store.rooms.create(group('full'), [ada]);
    const fresh = Array.from({ length: 10 }, (_, n) => [1, 2, 3].map((m) => ({ id: `n${n}-${m}`, name: 'N' })));
    const results = await Promise.all(fresh.map((members, n) => (n % 2 ? store : other).rooms.addMembers('group:full', members, 11)));
    expect(results.filter((result) => result === 'added')).toHaveLength(3);
    expect(results.filter((result) => result === 'too-many')).toHaveLength(7);
    expect(await store.rooms.members('group:full')).toHaveLength(10);
    expect(await store.rooms.addMembers('group:full', [ada, bob], 11)).toBe('added');
    expect(await store.rooms.addMembers('group:full', [ada, bob], 11)).toBe('added');
    await store.rooms.close('group:full', 'closed', 5);
    expect(await store.rooms.addMembers('group:full', [ada], 11)).toBe('closed');
  });

  test('[A8] my rooms: the newest activity first, with the top and what is unread', async () => {
    const me = { id: 'me', name: 'Me' };
    await store.rooms.create(group('quiet', { createdAt: 1000 }), [me]);
    await store.rooms.create(group('young', { createdAt: 1500 }), [me]);
    await store.rooms.create(group('busy', { createdAt: 900 }), [me]);
    await store.rooms.create(group('shut', { createdAt: 9000 }), [me]);
    await store.rooms.create(group('others', { createdAt: 9000 }), [ada]);
    await store.rooms.close('group:shut', 'closed', 9001);
    // Offsets jump where an epoch ended: messages are counted, not offsets.
    for (const offset of [3, 4, 50, 51]) await store.messages.append(message('group:busy', offset));
    await store.cursors.advance('me', 'group:busy', 4);
    const { items: rooms } = await other.rooms.of('me', { limit: 10 });
    expect(rooms.map(({ room, top, unread }) => [room, top, unread])).toEqual([
      ['group:busy', 51, 2],
      ['group:young', 0, 0],
      ['group:quiet', 0, 0],
    ]);
    expect((await other.rooms.of('me', { limit: 1 })).items).toHaveLength(1);
    for (const summary of rooms) expect(await store.rooms.summary('me', summary.room)).toEqual(summary);
    for (const not of ['group:shut', 'group:others', 'group:none']) expect(await store.rooms.summary('me', not)).toBeUndefined();
    await store.rooms.update('group:busy', { keepHistory: false }, 9002);
    expect(await store.rooms.summary('me', 'group:busy')).toMatchObject({ top: 51, unread: 0 });
  });

  test('[A9] a room is closed once, by whoever came first; overdue and expiring ones are found', async () => {
    await store.rooms.create(group('x-ends', { expiresAt: 500 }), [ada]);
    await store.rooms.create(group('x-later', { expiresAt: 800 }), [ada]);
    expect(await store.rooms.overdue(500, 10)).toEqual(['group:x-ends']);
    expect(await store.rooms.overdue(499, 10)).toEqual([]);
    const [first, second] = [
      { room: 'group:x-ends', expiresAt: 500 },
      { room: 'group:x-later', expiresAt: 800 },
    ];
    expect(await store.rooms.expiring({ room: '', expiresAt: 500 }, 800, 10)).toEqual([first, second]);
    expect(await store.rooms.expiring({ room: '', expiresAt: 500 }, 799, 10)).toEqual([first]);
    expect(await store.rooms.expiring({ room: 'group:x-ends', expiresAt: 500 }, 800, 1)).toEqual([second]);
    // One whose end moved on since it was looked at is not over, though it may be closed by hand.
    expect(await store.rooms.close('group:x-later', 'expired', 799)).toBe(false);
    expect(await store.rooms.get('group:x-later')).toMatchObject({ closedAt: undefined });
    const closers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => (i % 2 ? store : other).rooms.close('group:x-ends', 'expired', 600)),
    );
    expect(closers.filter(Boolean)).toHaveLength(1);
    expect(await store.rooms.get('group:x-ends')).toMatchObject({ closedAt: 600, closedReason: 'expired' });
    expect(await store.rooms.overdue(700, 10)).toEqual([]);
    expect(await store.rooms.close('group:none', 'closed', 600)).toBe(false);
  });
});

describe('cursors', () => {
  test('[M6] they move forward, never back, whatever order calls come in', async () => {
    await store.rooms.create(group('any'), [{ id: 'u', name: 'U' }]);
    await store.messages.append(message('group:any', 40));
    const offsets = [5, 9, 2, 30, 1, 29];
    await Promise.all(offsets.map((offset, i) => (i % 2 ? store : other).cursors.advance('u', 'group:any', offset)));
    expect((await other.cursors.delivered('u', 'group:any')).delivered).toBe(30);
    await store.cursors.advance('u', 'group:any', 3);
    expect((await other.cursors.delivered('u', 'group:any')).delivered).toBe(30);
    expect((await other.cursors.delivered('u', 'group:none')).delivered).toBe(0);
  });

  test('[M6] what a client says moves nobody above what is stored, and only members', async () => {
    await store.rooms.create(group('said'), [ada]);
    await store.messages.append(message('group:said', 7));
    const asked = [
      store.cursors.advance('ada', 'group:said', 5),
      store.cursors.advance('ada', 'group:said', 1_000_000),
      store.cursors.advance('eve', 'group:said', 1_000_000),
    ];
    expect(await Promise.all(asked)).toEqual([true, false, true]);
    expect((await other.cursors.delivered('ada', 'group:said')).delivered).toBe(7);
    expect((await other.cursors.delivered('eve', 'group:said')).delivered).toBe(0);
  });

  test('[M6] of a room that nothing is stored of yet they say so, and of one that keeps nothing they do not', async () => {
    await store.rooms.create(group('fresh'), [ada]);
    await store.rooms.create({ ...group('unkept-cursor'), keepHistory: false }, [ada]);
    expect(await store.cursors.advance('ada', 'group:fresh', 1)).toBe(false);
    expect(await store.cursors.advance('ada', 'group:unkept-cursor', 1)).toBe(true);
    await store.messages.append(message('group:fresh', 1));
    expect(await store.cursors.advance('ada', 'group:fresh', 1)).toBe(true);
    expect((await other.cursors.delivered('ada', 'group:fresh')).delivered).toBe(1);
  });

  test('[M6] two nodes that move the cursors of the same users do not stand in each other’s way', async () => {
    const people = Array.from({ length: 50 }, (_, i) => ({ id: `c${i}`, name: `C${i}` }));
    for (let i = 0; i < 7; i += 1) {
      await store.rooms.create(group(`c${i}`), people);
      await store.messages.append(message(`group:c${i}`, 500));
    }
    const moves = (one: Store, turn: number): Promise<boolean>[] =>
      Array.from({ length: 500 }, (_, i) => one.cursors.advance(`c${(i * turn) % 50}`, `group:c${i % 7}`, i));
    await Promise.all([...moves(store, 3), ...moves(other, 7)]);
    expect((await store.cursors.delivered('c0', 'group:c0')).delivered).toBeGreaterThan(0);
  });

  test('[M6] waiting: open rooms of the user that keep history, with something above the cursor', async () => {
    const rooms = ['w-some', 'w-none', 'w-read', 'w-shut', 'w-unkept', 'w-out'];
    for (const name of rooms)
      await store.rooms.create(group(name, { keepHistory: name !== 'w-unkept' }), name === 'w-out' ? [bob] : [ada, bob]);
    for (const name of rooms) if (name !== 'w-none') await store.messages.append(message(`group:${name}`, 12));
    await store.cursors.advance('ada', 'group:w-read', 12);
    await store.cursors.advance('ada', 'group:w-some', 4);
    await store.rooms.close('group:w-shut', 'closed', 5000);
    const waiting = (await other.cursors.waiting('ada')).filter(({ room }) => room.startsWith('group:w-'));
    expect(waiting).toEqual([{ room: 'group:w-some', delivered: 4, top: 12, historyFrom: 1000 }]);
    expect(await other.cursors.waiting('nobody')).toEqual([]);
  });
});
