import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOM_KINDS } from '#libs/protocol/room-kinds.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { type Answer, bearer, RoomStage, type StageApi } from '#test/support/room-stage.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.stop());

const ann = bearer('ann');
const bob = bearer('bob', 'guest');
const cleo = bearer('cleo');
const match = (api: StageApi, who: typeof ann, body?: object) => api.call('POST', '/rooms/match', who, body);
const findable = (api: StageApi, who: typeof ann, wish: boolean) => api.call('PUT', '/rooms/match', who, { findable: wish });
/** The first one waits, the second one gets the pair. */
async function pairUp(api: StageApi, first: typeof ann, second: typeof ann): Promise<Answer> {
  expect(await match(api, first)).toEqual({ status: 202, body: { waiting: true } });
  return match(api, second);
}
const DAY_SECONDS = 86_400;

describe('pairing', () => {
  it('[A9] pairs with somebody online who waits, and tells both who the other one is', async () => {
    const stage = await RoomStage.start(redis.url);
    await stage.arrive(ann, bob);
    const api = await stage.api();
    const pair = await pairUp(api, bob, ann);
    expect(pair).toEqual({
      status: 200,
      body: {
        room: expect.stringMatching(/^pair:[\w-]{22}$/),
        with: { id: 'bob', name: bob.name, kind: 'guest' },
        expiresAt: expect.any(Number),
      },
    });
    const { room, expiresAt } = pair.body;
    expect(stage.planned).toEqual([[room, expiresAt]]);
    expect(Math.abs(expiresAt - Date.now() - ROOM_KINDS.pair.limits.lifeMs)).toBeLessThan(60_000);
    await stage.settled(ann, bob);
    expect(stage.frames(ann, 'matched')).toEqual([{ type: 'matched', room, with: { id: 'bob', name: bob.name, kind: 'guest' } }]);
    expect(stage.frames(bob, 'matched')).toEqual([{ type: 'matched', room, with: { id: 'ann', name: ann.name, kind: 'user' } }]);
    const { body } = await api.call('GET', '/rooms', ann);
    expect(body.rooms[1]).toMatchObject({ room, kind: 'pair', name: bob.name, with: { id: 'bob' }, count: 2, keepHistory: false });
  });

  it('[A9] nobody is paired who neither waits nor said that they may be found', async () => {
    const stage = await RoomStage.start(redis.url);
    const apis = [await stage.api(), await stage.api()] as const;
    const sweep = () => apis[1].rooms.matchmaker.sweep();
    await stage.arrive(ann, bob);
    expect((await match(apis[0], ann)).status).toBe(202);
    await sweep();
    expect(await stage.store.pairs.of('bob')).toBeUndefined();
    const asked = () => apis[1].call('GET', '/rooms/match', bob);
    expect(await asked()).toEqual({ status: 200, body: { pairing: 'waiting', findable: false } });
    // Said and taken back, on any node, any number of times.
    for (const wish of [true, true, false, false]) {
      expect(await findable(apis[0], bob, wish)).toEqual({ status: 200, body: { pairing: 'waiting', findable: wish } });
      expect((await asked()).body.findable).toBe(wish);
    }
    await sweep();
    expect(await stage.store.pairs.of('bob')).toBeUndefined();
    await findable(apis[0], bob, true);
    await sweep();
    await stage.settled(ann, bob);
    expect(stage.frames(bob, 'matched')).toMatchObject([{ with: { id: 'ann' } }]);
    // Two who may be found and do not look are not paired with each other.
    await stage.arrive(cleo);
    await findable(apis[0], cleo, true);
    await apis[0].call('DELETE', `/rooms/${stage.frames(bob, 'matched')[0].room}`, bob);
    await sweep();
    expect(await stage.store.pairs.of('cleo')).toBeUndefined();
    // Who is found without a wait of theirs, at the first request.
    expect((await match(apis[1], ann)).body).toMatchObject({ with: { id: 'cleo', kind: 'user' } });
    for (const kind of ['customer', 'agent']) expect((await findable(apis[0], bearer('x', kind), true)).status).toBe(403);
  });

  it('[A9] anybody online is paired with PAIRING=anyone', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api({ pairing: 'anyone' });
    await stage.arrive(ann, bob, bearer('max', 'agent'));
    expect((await api.call('GET', '/rooms/match', ann)).body).toEqual({ pairing: 'anyone', findable: false });
    const { room, with: other } = (await match(api, ann)).body;
    expect(other).toMatchObject({ id: 'bob' });
    await api.call('DELETE', `/rooms/${room}`, bob);
    expect(await match(api, bob)).toEqual({ status: 202, body: { waiting: true } });
  });

  it('[A9] never with the last partner again within a day, on any node, whoever asks', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    await stage.arrive(ann, bob);
    const { room } = (await pairUp(api, bob, ann)).body;
    await api.call('DELETE', `/rooms/${room}`, ann);
    await findable(api, bob, true);
    // A process that was not there.
    const later = await stage.api();
    for (const ahead of [0, DAY_SECONDS - 60]) {
      stage.ahead = ahead * 1000;
      for (const who of [ann, bob]) expect(await match(later, who)).toEqual({ status: 202, body: { waiting: true } });
      await later.rooms.matchmaker.sweep();
      expect(await stage.store.pairs.waiting(10)).toHaveLength(2);
    }
    // Somebody else comes: one of the two has a partner, the other one goes on waiting.
    await stage.arrive(cleo);
    expect((await match(api, cleo)).body).toMatchObject({ with: { id: 'ann' } });
    await later.rooms.matchmaker.sweep();
    expect((await stage.store.pairs.waiting(10)).map(({ user }) => user.id)).toEqual(['bob']);
    // Ann's last partner is another one now. Bob's is Ann still, until a day is over.
    await api.call('DELETE', `/rooms/${(await match(api, ann)).body.room}`, ann);
    await api.call('DELETE', '/rooms/match', bob);
    expect((await match(api, bob)).status).toBe(202);
    expect((await match(later, ann)).status).toBe(202);
    stage.ahead = (DAY_SECONDS + 60) * 1000;
    await later.rooms.matchmaker.sweep();
    expect((await match(later, ann)).body).toMatchObject({ with: { id: 'bob' } });
  });

  it('[A9] asked again with a pair gives the same room, and tells nobody twice', async () => {
    const stage = await RoomStage.start(redis.url);
    await stage.arrive(ann, bob, cleo);
    const api = await stage.api();
    const first = await pairUp(api, bob, ann);
    expect(await match(api, ann)).toEqual(first);
    expect((await match(api, bob)).body).toMatchObject({ room: first.body.room, with: { id: 'ann' } });
    await stage.settled(ann, bob);
    expect(stage.frames(ann, 'matched')).toHaveLength(1);
    expect(stage.frames(bob, 'matched')).toHaveLength(1);
    // The one who is left over is never given somebody who is paired, nor themself.
    for (const who of [ann, bob, cleo]) await findable(api, who, true);
    expect(await match(api, cleo)).toEqual({ status: 202, body: { waiting: true } });
  });

  it('[A9] who waits is paired as soon as somebody comes', async () => {
    const stage = await RoomStage.start(redis.url);
    await stage.arrive(ann, bearer('zoe', 'customer'), bearer('max', 'agent'));
    const api = await stage.api();
    expect(await match(api, ann)).toEqual({ status: 202, body: { waiting: true } });
    await api.rooms.matchmaker.sweep();
    expect(stage.frames(ann, 'matched')).toEqual([]);
    await findable(api, bob, true);
    await api.rooms.matchmaker.sweep();
    expect(stage.frames(ann, 'matched')).toEqual([]);
    await stage.arrive(bob);
    await api.rooms.matchmaker.sweep();
    await stage.settled(ann, bob);
    expect(stage.frames(ann, 'matched')).toMatchObject([{ with: { id: 'bob' } }]);
    expect(stage.frames(bob, 'matched')).toMatchObject([{ with: { id: 'ann' } }]);
    expect((await match(api, ann)).status).toBe(200);
    expect(await stage.store.pairs.waiting(10)).toEqual([]);
  });

  it('[A9] who waits and has gone for over a minute is forgotten, never who is online or only connects again', async () => {
    const stage = await RoomStage.start(redis.url);
    const apis = [await stage.api(), await stage.api()] as const;
    const sweeps = apis.map((api) => () => api.rooms.matchmaker.sweep());
    const waiting = async () => (await stage.store.pairs.waiting(10)).map(({ user }) => user.id);
    await stage.arrive(ann);
    expect((await match(apis[0], ann)).status).toBe(202);
    // Online for long, with one connection: when it was seen last says nothing of that.
    await stage.pass(300, ...sweeps);
    for (let turn = 0; turn < 2; turn += 1) {
      await stage.depart(ann);
      await stage.pass(50, ...sweeps);
      expect(await waiting()).toEqual(['ann']);
      await stage.arrive(ann);
      await stage.pass(5, ...sweeps);
    }
    await stage.depart(ann);
    await stage.arrive(cleo);
    await stage.depart(cleo);
    await stage.pass(50, ...sweeps);
    // Asking is a sign of life.
    expect((await match(apis[1], ann)).status).toBe(202);
    await stage.pass(40, ...sweeps);
    expect(await waiting()).toEqual(['ann']);
    await stage.pass(30, ...sweeps);
    expect(await waiting()).toEqual([]);
  });

  it('[A9] who stops waiting is not paired by what they asked before; a pair stays', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    const stop = (who: typeof ann) => api.call('DELETE', '/rooms/match', who);
    await stage.arrive(ann);
    expect((await match(api, ann, { keepHistory: true })).status).toBe(202);
    for (let twice = 0; twice < 2; twice += 1) expect(await stop(ann)).toEqual({ status: 204, body: undefined });
    expect(await stage.store.pairs.waiting(10)).toEqual([]);
    // A sweep, or a second look, that began before does not put them back.
    const request = {
      user: { id: 'ann', name: ann.name },
      keepHistory: false,
      candidates: [],
      room: 'pair:late',
      now: Date.now(),
      expiresAt: 0,
    };
    expect(await stage.store.pairs.match({ ...request, onlyIfWaiting: true, candidates: [{ id: 'bob', name: 'Bob' }] })).toEqual({
      state: 'waiting',
    });
    expect(await stage.store.pairs.waiting(10)).toEqual([]);
    await stage.arrive(bob);
    await findable(api, bob, true);
    await api.rooms.matchmaker.sweep();
    await stage.settled(ann, bob);
    expect(stage.frames(ann, 'matched')).toEqual([]);
    expect((await match(api, bob)).status).toBe(202);
    const { room } = (await match(api, ann)).body;
    expect((await stop(ann)).status).toBe(204);
    expect((await match(api, ann)).body).toMatchObject({ room, with: { id: 'bob' } });
    for (const kind of ['customer', 'agent']) expect((await stop(bearer('x', kind))).status).toBe(403);
  });

  it('[A9] the other one is told that history is wanted, and both that it is kept', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    await stage.arrive(ann, bob);
    const { room } = (await pairUp(api, bob, ann)).body;
    const told = async (who: typeof ann) => {
      await stage.settled(who);
      return stage.frames(who, 'command').map(({ code, body }) => [code, body.room, body.keepHistory]);
    };
    for (let twice = 0; twice < 2; twice += 1) expect((await match(api, bob, { keepHistory: true })).body.room).toBe(room);
    expect(await told(ann)).toEqual([['pair', room, 'asked']]);
    expect(await told(bob)).toEqual([]);
    const wishes = async () => Promise.all([ann, bob].map(async (who) => (await api.call('GET', `/rooms/${room}`, who)).body.historyWish));
    expect(await wishes()).toEqual(['theirs', 'mine']);
    await match(api, ann, { keepHistory: true });
    expect(await told(ann)).toEqual([
      ['pair', room, 'asked'],
      ['pair', room, 'kept'],
    ]);
    expect(await told(bob)).toEqual([['pair', room, 'kept']]);
    expect(await wishes()).toEqual([undefined, undefined]);
    expect((await api.call('DELETE', `/rooms/${room}`, ann)).status).toBe(204);
    await stage.depart(bob);
    await stage.arrive(cleo);
    await match(api, cleo);
    const next = (await match(api, ann, { keepHistory: true })).body;
    expect(await told(cleo)).toEqual([['pair', next.room, 'asked']]);
  });

  it('[A9] keeps history only where both want it', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    const people = ['a', 'b', 'c', 'd'].map((id) => bearer(id));
    const [a, b, c, d] = people;
    if (!a || !b || !c || !d) throw new TypeError('four');
    for (const [one, two, kept] of [
      [a, b, true],
      [c, d, false],
    ] as const) {
      await stage.arrive(one);
      expect((await match(api, one, { keepHistory: true })).status).toBe(202);
      await stage.arrive(two);
      const { body } = await match(api, two, { keepHistory: kept });
      expect(body.with.id).toBe(one.id);
      expect((await api.call('GET', `/rooms/${body.room}`, one)).body.keepHistory).toBe(kept);
    }
    expect((await match(api, a, { keepHistory: 'yes' })).body).toMatchObject({
      code: 'INVALID_REQUEST',
      details: [{ path: '/keepHistory' }],
    });
  });

  it('[A9] is for people: not for customers, agents and who has no token', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    for (const kind of ['customer', 'agent']) expect((await match(api, bearer('x', kind))).status).toBe(403);
    expect((await api.call('POST', '/rooms/match', undefined)).status).toBe(401);
  });

  it('[A9] either may end a pair: both are told, and free for another', async () => {
    const stage = await RoomStage.start(redis.url);
    await stage.arrive(ann, bob);
    const api = await stage.api();
    const { room } = (await pairUp(api, bob, ann)).body;
    expect((await api.call('DELETE', `/rooms/${room}`, cleo)).status).toBe(403);
    expect((await api.call('PATCH', `/rooms/${room}`, ann, { name: 'x' })).status).toBe(403);
    expect((await api.call('DELETE', `/rooms/${room}`, bob)).status).toBe(204);
    await stage.settled(ann, bob);
    for (const who of [ann, bob]) expect(stage.frames(who, 'room_closed')).toEqual([{ type: 'room_closed', room, reason: 'closed' }]);
    expect(stage.planned.at(-1)).toEqual([room, undefined]);
    await stage.depart(bob);
    await stage.arrive(cleo);
    expect((await pairUp(api, cleo, ann)).body).toMatchObject({ with: { id: 'cleo' } });
  });

  it('[A8] [A9] what both kept is listed and read after the end, for a client that asks; the rest is not', async () => {
    const stage = await RoomStage.start(redis.url);
    await stage.arrive(ann, bob);
    const api = await stage.api();
    await match(api, bob, { keepHistory: true });
    const { room } = (await match(api, ann, { keepHistory: true })).body;
    const hello = { room, offset: 1, epoch: 'e', id: 'm', sender: JSON.stringify({ id: 'bob', name: bob.name }), text: 'hello' };
    await stage.store.messages.append({ ...hello, data: undefined, at: Date.now() });
    await api.call('DELETE', `/rooms/${room}`, bob);
    const listed = async (query: string) => (await api.call('GET', `/rooms${query}`, ann)).body.rooms;
    expect((await listed('')).map((one: { room: string }) => one.room)).toEqual(['park']);
    expect(await listed('?ended=true')).toMatchObject([
      { room: 'park' },
      { room, kind: 'pair', name: bob.name, with: { id: 'bob' }, keepHistory: true, closedAt: expect.any(Number), count: 0, unread: 1 },
    ]);
    for (const who of [ann, bob])
      expect((await api.call('GET', `/rooms/${room}/messages`, who)).body.messages).toMatchObject([{ message: { text: 'hello' } }]);
    expect((await api.call('GET', `/rooms/${room}/messages`, cleo)).status).toBe(403);
    // A pair that kept nothing is over for good.
    await stage.arrive(cleo);
    const other = (await pairUp(api, cleo, ann)).body.room;
    await api.call('DELETE', `/rooms/${other}`, ann);
    expect((await api.call('GET', `/rooms/${other}/messages`, ann)).status).toBe(410);
    expect((await listed('?ended=true')).map((one: { room: string }) => one.room)).toEqual(['park', room]);
    const { next } = (await api.call('GET', '/rooms?ended=true&limit=1', ann)).body;
    expect(next).toBeUndefined();
  });

  it('[A9] a pair is closed by its job when its day is over', async () => {
    const stage = await RoomStage.start(redis.url);
    await stage.arrive(ann, bob);
    const api = await stage.api();
    const { room } = (await pairUp(api, bob, ann)).body;
    expect(await stage.expire(room)).toEqual({ rerunInMs: expect.any(Number) });
    await stage.database.query('UPDATE rooms SET expires_at = $2 WHERE room = $1', [room, Date.now() - 1]);
    await stage.expire(room);
    await stage.settled(ann, bob);
    for (const who of [ann, bob]) expect(stage.frames(who, 'room_closed')).toEqual([{ type: 'room_closed', room, reason: 'expired' }]);
    expect(await match(api, ann)).toEqual({ status: 202, body: { waiting: true } });
  });

  it('[A9] 200 users who ask at once at two instances make 100 pairs', { timeout: 180_000 }, async () => {
    const stage = await RoomStage.start(redis.url);
    const people = Array.from({ length: 200 }, (_, n) => bearer(`u${n}`));
    await stage.arrive(...people);
    const apis = [await stage.api(), await stage.api()];
    const answers = await Promise.all(people.map((who, n) => match(apis[n % 2] as StageApi, who)));
    expect(answers.filter(({ status }) => status !== 200 && status !== 202)).toEqual([]);
    // Whoever asked first may still wait for the sweep.
    await apis[0]?.rooms.matchmaker.sweep();
    const pairs = await Promise.all(people.map(({ id }) => stage.store.pairs.of(id)));
    const withOf = new Map(people.map(({ id }, n) => [id, pairs[n]?.with.id]));
    for (const [id, other] of withOf) expect(other === undefined ? id : withOf.get(other)).toBe(id);
    expect([...withOf].filter(([id, other]) => other === undefined || other === id)).toEqual([]);
    expect(new Set(pairs.map((pair) => pair?.room)).size).toBe(100);
    await stage.settled(...people);
    for (const [n, who] of people.entries()) expect(stage.frames(who, 'matched')).toMatchObject([{ room: pairs[n]?.room }]);
    expect(stage.planned).toHaveLength(100);
  });
});
