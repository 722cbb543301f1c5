import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Person } from '#libs/protocol/frame-types.ts';
import type { ConversationFilter, MatchRequest, MatchResult } from '#libs/store/conversation-store.ts';
import type { Store } from '#libs/store/store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { until } from '#test/support/wait.ts';

let database: PostgresDatabase;
let store: Store;
let other: Store;

beforeAll(async () => {
  database = await PostgresDatabase.create();
  store = await openStore({ url: database.url, timeoutMs: 30_000 });
  other = await openStore({ url: database.url, timeoutMs: 30_000 });
});

afterEach(() =>
  database.query('TRUNCATE rooms, pair_queue, pair_findable, pair_partners, messages, message_keys, room_tops, seen CASCADE'),
);

afterAll(async () => {
  await Promise.all([store.close(), other.close()]);
  await database.drop();
});

let rooms = 0;

function person(name: string): Person {
  return { id: `id-${name}`, name };
}

function ask(one: Store, name: string, change: Partial<MatchRequest> = {}): Promise<MatchResult> {
  rooms += 1;
  const room = `pair:${rooms}`;
  return one.pairs.match({ user: person(name), keepHistory: true, candidates: [], room, now: 100_000, expiresAt: 200_000, ...change });
}

describe('pairing', () => {
  test('[A9] who comes first waits, the next one is the partner; asked again: the same room', async () => {
    expect(await ask(store, 'ada')).toEqual({ state: 'waiting' });
    expect(await ask(store, 'ada')).toEqual({ state: 'waiting' });
    expect(await other.pairs.waiting(10)).toEqual([{ user: person('ada'), keepHistory: true, since: 100_000 }]);
    const made = await ask(other, 'bob');
    expect(made).toMatchObject({ state: 'paired', made: true, with: person('ada'), expiresAt: 200_000 });
    if (made.state !== 'paired') return;
    const again = { state: 'paired', made: false, room: made.room, with: person('bob'), expiresAt: 200_000 };
    expect(await ask(store, 'ada', { candidates: [person('cleo')] })).toEqual(again);
    expect(await store.pairs.of('id-ada')).toEqual({ room: made.room, with: person('bob'), expiresAt: 200_000 });
    expect(await store.pairs.waiting(10)).toEqual([]);
    expect(await store.rooms.withMembers(made.room)).toMatchObject({ room: { kind: 'pair', expiresAt: 200_000, createdAt: 100_000 } });
    expect((await store.rooms.members(made.room)).map(({ id }) => id).toSorted()).toEqual(['id-ada', 'id-bob']);
  });

  test('[A9] whoever waits goes before whoever only is online; the order of candidates counts', async () => {
    await ask(store, 'ada', { now: 1000 });
    expect(await ask(store, 'bob', { candidates: [person('cleo'), person('ada')] })).toMatchObject({ with: person('ada') });
    expect(await ask(store, 'dora', { candidates: [person('cleo'), person('emil')] })).toMatchObject({ with: person('cleo') });
    expect(await ask(store, 'fred', { candidates: [person('cleo'), person('emil')] })).toMatchObject({ with: person('emil') });
  });

  test('[A9] somebody who has waited for long and is not among those online is not taken', async () => {
    await ask(store, 'gone', { now: 1000 });
    expect(await ask(store, 'ada', { now: 1_000_000 })).toEqual({ state: 'waiting' });
    expect((await store.pairs.waiting(10)).map(({ user }) => user.name)).toEqual(['gone', 'ada']);
    await store.pairs.stopWaiting('id-gone');
    expect((await store.pairs.waiting(10)).map(({ user }) => user.name)).toEqual(['ada']);
  });

  test('[A9] never oneself, never somebody who has a pair', async () => {
    expect(await ask(store, 'ada', { candidates: [person('ada')] })).toEqual({ state: 'waiting' });
    await ask(store, 'bob');
    expect(await ask(store, 'cleo', { candidates: [person('ada'), person('bob'), person('cleo')] })).toEqual({ state: 'waiting' });
  });

  test('[A9] history is kept only where both asked for it', async () => {
    const kept = async (first: boolean | undefined, second: boolean): Promise<boolean | undefined> => {
      rooms += 1;
      const [one, two] = [`one${rooms}`, `two${rooms}`];
      if (first !== undefined) await ask(store, one, { keepHistory: first });
      const made = await ask(store, two, { keepHistory: second, candidates: [person(one)] });
      const room = made.state === 'paired' ? await store.rooms.get(made.room) : undefined;
      expect(room?.historyFrom).toBe(room?.keepHistory === true ? 100_000 : undefined);
      return room?.keepHistory;
    };
    expect(await kept(true, true)).toBe(true);
    expect(await kept(true, false)).toBe(false);
    expect(await kept(false, true)).toBe(false);
    expect(await kept(undefined, true)).toBe(false);
  });

  test('[A9] who was taken without having asked may want history later: it is kept from when both do, told once', async () => {
    const made = await ask(store, 'ada', { candidates: [person('bob')] });
    if (made.state !== 'paired') throw new Error('no pair');
    expect(await store.rooms.get(made.room)).toMatchObject({ keepHistory: false, historyFrom: undefined });
    expect(await store.pairs.wantHistory('id-ada', 140_000)).toBeUndefined();
    const told = await Promise.all([other.pairs.wantHistory('id-bob', 150_000), store.pairs.wantHistory('id-bob', 150_000)]);
    expect(told.filter(Boolean)).toHaveLength(1);
    expect(await store.rooms.get(made.room)).toMatchObject({ keepHistory: true, historyFrom: 150_000 });
    expect(await store.pairs.wantHistory('id-nobody', 150_000)).toBeUndefined();
    const shy = await ask(store, 'cleo', { keepHistory: false, candidates: [person('dora')] });
    if (shy.state !== 'paired') throw new Error('no pair');
    expect(await store.pairs.wantHistory('id-dora', 150_000)).toBe('asked');
    expect((await store.rooms.get(shy.room))?.keepHistory).toBe(false);
  });

  test('[A8] what was said before history began counts as delivered; what came after it does not', async () => {
    const made = await ask(store, 'ada', { candidates: [person('bob')] });
    if (made.state !== 'paired') throw new Error('no pair');
    const { room } = made;
    const known = async (name: string) => (await store.rooms.of(`id-${name}`, { limit: 10 })).items.find((one) => one.room === room);
    await store.pairs.wantHistory('id-bob', 150_000);
    expect(await known('bob')).toMatchObject({ delivered: 0, unread: 0 });
    // The first three messages of the room were never stored.
    for (const offset of [4, 5]) {
      const message = { room, offset, epoch: 'e', id: `m${offset}`, sender: '{"id":"id-ada","name":"ada"}', text: 'hi', data: undefined };
      await store.messages.append({ ...message, at: Date.now() });
    }
    expect(await known('bob')).toMatchObject({ delivered: 3, unread: 2, top: 5 });
    expect(await store.rooms.summary('id-bob', room)).toMatchObject({ delivered: 3, unread: 2 });
    await store.cursors.advance('id-bob', room, 4);
    expect(await known('bob')).toMatchObject({ delivered: 4, unread: 1 });
    await store.cursors.advance('id-bob', room, 5);
    expect(await known('bob')).toMatchObject({ delivered: 5, unread: 0 });
  });

  test('[A9] closing the room frees both', async () => {
    const made = await ask(store, 'ada', { candidates: [person('bob')] });
    if (made.state !== 'paired') throw new Error('not paired');
    expect(await other.rooms.close(made.room, 'expired', 300_000)).toBe(true);
    expect(await store.pairs.of('id-ada')).toBeUndefined();
    expect(await store.pairs.of('id-bob')).toBeUndefined();
    expect(await ask(store, 'bob', { candidates: [person('cleo')] })).toMatchObject({ state: 'paired', made: true });
    expect(await ask(store, 'ada', { candidates: [person('dora')] })).toMatchObject({ state: 'paired', made: true });
  });

  test('[A9] the last partner of either is not taken for a day after the end, an earlier one is', async () => {
    const DAY = 86_400_000;
    const pairAndEnd = async (one: string, two: string, now: number, end: 'expired' | 'closed' = 'closed'): Promise<void> => {
      const made = await ask(store, one, { candidates: [person(two)], now, expiresAt: now + 10 });
      if (made.state !== 'paired' || !made.made) throw new Error('no new pair');
      await other.rooms.close(made.room, end, now + 10);
    };
    await pairAndEnd('ada', 'bob', 0, 'expired');
    const waits = async (one: string, two: string, now: number): Promise<boolean> => {
      const { state } = await ask(other, one, { candidates: [person(two)], now });
      await store.pairs.stopWaiting(`id-${one}`);
      return state === 'waiting';
    };
    expect([await waits('ada', 'bob', DAY), await waits('bob', 'ada', DAY)]).toEqual([true, true]);
    await pairAndEnd('bob', 'cleo', DAY);
    // Ada's last partner is Bob, though his is Cleo: until Ada's pair is a day old.
    expect([await waits('ada', 'bob', DAY + 5), await waits('bob', 'ada', DAY + 5)]).toEqual([true, true]);
    await pairAndEnd('ada', 'bob', DAY + 20);
    await pairAndEnd('bob', 'emil', DAY + 40);
    await pairAndEnd('ada', 'dora', DAY + 60);
    await pairAndEnd('bob', 'ada', DAY + 80);
    expect(await store.upkeep.dropExpired(2 * DAY + 80)).toBeGreaterThan(0);
    expect((await database.query('SELECT user_id FROM pair_partners ORDER BY 1')).map(({ user_id }) => user_id)).toEqual([
      'id-ada',
      'id-bob',
    ]);
  });

  test('[A9] who may be found says so once; some of many are picked, now these, now those', async () => {
    for (const wish of [true, true, false]) await store.pairs.setFindable('id-ada', wish);
    expect([await other.pairs.isFindable('id-ada'), await other.pairs.someFindable(10)]).toEqual([false, []]);
    const all = Array.from({ length: 20 }, (_, i) => `id-${i}`);
    for (const id of all) await store.pairs.setFindable(id, true);
    expect((await other.pairs.someFindable(50)).toSorted()).toEqual(all.toSorted());
    const seen = new Set<string>();
    await until(async () => {
      const some = await other.pairs.someFindable(7);
      expect(new Set(some).size).toBe(7);
      for (const id of some) seen.add(id);
      return seen.size === 20;
    });
    // Those who were not here for long are forgotten.
    store.seen.touch({ user: 'id-3', name: '3', kind: 'user', lastSeen: 5_000_000_000 });
    await store.seen.get(['id-3']);
    await store.upkeep.dropExpired(5_000_000_000);
    expect(await other.pairs.someFindable(50)).toEqual(['id-3']);
  });

  test('[A9] 200 users who ask at once on two nodes make 100 pairs, nobody has two', async () => {
    await Promise.all(Array.from({ length: 200 }, (_, i) => ask(i % 2 ? store : other, `u${i}`)));
    const pairs = await Promise.all(Array.from({ length: 200 }, (_, i) => store.pairs.of(`id-u${i}`)));
    expect(pairs.filter((pair) => pair === undefined)).toEqual([]);
    const members = new Map<string, number>();
    for (const pair of pairs) members.set(pair?.room ?? '', (members.get(pair?.room ?? '') ?? 0) + 1);
    expect(members.size).toBe(100);
    expect([...members.values()].every((count) => count === 2)).toBe(true);
    for (const [i, pair] of pairs.entries()) expect((await store.pairs.of(pair?.with.id ?? ''))?.with.id).toBe(`id-u${i}`);
    expect(await store.pairs.waiting(10)).toEqual([]);
  });

  test('[A9] 100 users who all ask for the same few candidates: nobody is taken twice', async () => {
    const candidates = Array.from({ length: 30 }, (_, i) => person(`c${i}`));
    const results = await Promise.all(Array.from({ length: 101 }, (_, i) => ask(i % 2 ? store : other, `a${i}`, { candidates })));
    const taken = results.flatMap((result) => (result.state === 'paired' && result.made ? [result.with.id] : []));
    expect(new Set(taken).size).toBe(taken.length);
    const rows = await database.query('SELECT room, count(*)::integer AS n FROM pairs GROUP BY room');
    expect(rows.every(({ n }) => n === 2)).toBe(true);
  });
});

describe('conversations', () => {
  const agents = ['x', 'y', 'z'].map(person);
  const open = (room: string, now: number) =>
    store.conversations.open({ room, subject: `about ${room}`, customer: person('cu'), now, further: true, openMax: 1000 });

  test('[A10] opened: queued, with its room and the customer in it', async () => {
    await open('conv:1', 1000);
    const customer = { ...person('cu'), kind: 'customer' };
    const record = { room: 'conv:1', subject: 'about conv:1', state: 'queued', customer, agent: undefined, createdAt: 1000 };
    expect(await other.conversations.get('conv:1')).toEqual(record);
    expect(await other.rooms.withMembers('conv:1')).toMatchObject({
      room: { kind: 'conv', keepHistory: true, historyFrom: 1000 },
      members: [person('cu')],
    });
    expect(await other.conversations.get('conv:none')).toBeUndefined();
  });

  test('[A10] each goes to the agent with the fewest open ones, also when all are given at once', async () => {
    await Promise.all(Array.from({ length: 30 }, (_, i) => open(`conv:${i}`, i)));
    await Promise.all(Array.from({ length: 30 }, (_, i) => (i % 2 ? store : other).conversations.assign(`conv:${i}`, agents, 'queued')));
    for (const agent of agents)
      expect((await store.conversations.list({ agent: agent.id, state: 'assigned', limit: 100 })).items).toHaveLength(10);
    const first = (await store.conversations.list({ agent: 'id-y', limit: 100 })).items.slice(0, 3);
    for (const { room } of first) await store.rooms.close(room, 'closed', 5000);
    expect(await store.conversations.get(first[0]?.room ?? '')).toMatchObject({ state: 'closed' });
    await open('conv:next', 6000);
    expect(await store.conversations.assign('conv:next', agents)).toMatchObject({ agent: person('y'), state: 'assigned' });
  });

  test('[A10] two who give the same one away: once; closed ones and no agents: not at all', async () => {
    await open('conv:a', 1);
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, i) => (i % 2 ? store : other).conversations.assign('conv:a', agents, 'queued')),
    );
    expect(results.filter((result) => result !== undefined)).toHaveLength(1);
    await open('conv:b', 2);
    expect(await store.conversations.assign('conv:b', [])).toBeUndefined();
    await store.rooms.close('conv:b', 'closed', 3);
    expect(await store.conversations.assign('conv:b', agents)).toBeUndefined();
    expect(await store.conversations.assign('conv:none', agents)).toBeUndefined();
  });

  test('[A10] given to another: the agent before is out of the room, the new one is in it', async () => {
    await open('conv:a', 1);
    await store.conversations.assign('conv:a', [person('x')]);
    expect(await store.rooms.members('conv:a')).toEqual([person('cu'), person('x')]);
    expect(await store.conversations.assign('conv:a', [person('y')], 'assigned')).toMatchObject({ agent: person('y') });
    expect(await store.rooms.members('conv:a')).toEqual([person('cu'), person('y')]);
    expect(await store.conversations.assign('conv:a', [person('y')])).toMatchObject({ agent: person('y') });
    expect(await store.rooms.members('conv:a')).toEqual([person('cu'), person('y')]);
  });

  test('[A10] queued: the oldest first; listed: the newest first, of those that wait the oldest', async () => {
    for (const now of [3, 1, 2]) await open(`conv:${now}`, now);
    await store.conversations.assign('conv:3', agents);
    expect((await store.conversations.queued(10)).map(({ room }) => room)).toEqual(['conv:1', 'conv:2']);
    const list = async (filter: ConversationFilter) => (await store.conversations.list(filter)).items.map(({ room }) => room);
    expect(await list({ limit: 2 })).toEqual(['conv:3', 'conv:2']);
    expect(await list({ state: 'queued', limit: 10 })).toEqual(['conv:1', 'conv:2']);
  });

  test('[A10] silent: open ones in which nothing was said since, those opened first', async () => {
    for (const [room, now] of Object.entries({ old: 2, older: 1, spoken: 1, closed: 1, young: 200 })) await open(`conv:${room}`, now);
    await store.conversations.assign('conv:older', agents);
    await store.rooms.close('conv:closed', 'closed', 5);
    for (const [room, at] of [['conv:spoken', 150] as const, ['conv:old', 50] as const]) {
      await store.messages.append({ room, offset: 1, epoch: 'e', id: room, sender: '{}', text: 'hello', data: undefined, at });
    }
    expect(await store.conversations.silent(100, 10)).toEqual(['conv:older', 'conv:old']);
    expect(await store.conversations.silent(100, 1)).toEqual(['conv:older']);
  });
});
