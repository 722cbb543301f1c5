import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisServer } from '#test/support/redis-server.ts';
import { bearer, RoomStage } from '#test/support/room-stage.ts';
import { until } from '#test/support/wait.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.stop());

const ann = bearer('ann');
const bob = bearer('bob');
const cleo = bearer('cleo', 'guest');
const dan = bearer('dan');
const zoe = bearer('zoe', 'customer');

async function group(more: object = {}) {
  const stage = await RoomStage.start(redis.url);
  await stage.arrive(ann, bob, cleo, dan);
  const api = await stage.api();
  const made = await api.call('POST', '/rooms', ann, { name: ' Tea  ', kind: 'group', members: ['bob', 'cleo', 'bob'], ...more });
  expect(made.status).toBe(201);
  return { stage, api, made, room: made.body.room as string };
}

describe('customers', () => {
  it('[R6] have their conversations, and nothing else of rooms and people', async () => {
    const { stage, api, room } = await group();
    const xan = bearer('xan', 'customer', { rooms: ['*'] });
    await stage.arrive(xan);
    // As somebody of an existing login (A12), who was a user before.
    await stage.store.rooms.addMembers(room, [{ id: 'xan', name: xan.name }], 1000);
    const conversation = (await api.call('POST', '/conversations', xan)).body.room as string;
    expect((await api.call('GET', '/rooms', xan)).body.rooms.map((one: { room: string }) => one.room)).toEqual([conversation]);
    expect((await api.call('GET', `/rooms/${conversation}`, xan)).status).toBe(200);
    expect((await api.call('GET', `/rooms/${conversation}/messages`, xan)).status).toBe(200);
    for (const other of ['park', 'lobby', 'live:a', room]) {
      for (const path of [`/rooms/${other}`, `/rooms/${other}/messages`])
        expect(await api.call('GET', path, xan), path).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
      expect((await api.call('PATCH', `/rooms/${other}`, xan, { name: 'x' })).status).toBe(403);
      expect((await api.call('DELETE', `/rooms/${other}`, xan)).status).toBe(403);
      expect((await api.call('DELETE', `/rooms/${other}/members`, xan, { members: ['xan'] })).status).toBe(403);
    }
    await stage.arrive(zoe);
    const foreign = (await api.call('POST', '/conversations', zoe)).body.room as string;
    for (const path of ['/conversations', '/conversations?state=queued', '/conversations?customer=xan'])
      expect(
        (await api.call('GET', path, xan)).body.conversations.map((one: { room: string }) => one.room),
        path,
      ).toEqual([conversation]);
    for (const path of ['/agents', '/conversations?customer=zoe', `/conversations/${foreign}`])
      expect((await api.call('GET', path, xan)).status, path).toBe(403);
    expect((await api.call('POST', `/conversations/${conversation}/assign`, xan)).status).toBe(403);
  });

  it('[R6] are taken into no group', async () => {
    const { stage, api, room } = await group();
    await stage.arrive(zoe);
    const refused = { status: 403, body: { code: 'FORBIDDEN', message: expect.stringContaining('zoe') } };
    expect(await api.call('POST', '/rooms', ann, { name: 'Tea', kind: 'group', members: ['bob', 'zoe'] })).toMatchObject(refused);
    expect(await api.call('POST', `/rooms/${room}/members`, ann, { members: ['dan', 'zoe'] })).toMatchObject(refused);
    expect((await api.call('GET', `/rooms/${room}`, ann)).body.members).toBe(3);
  });
});

describe('groups', () => {
  it('[A8] are made with their members, who are told', async () => {
    const { stage, api, made, room } = await group({ keepHistory: true });
    expect(room).toMatch(/^group:[\w-]{22}$/);
    expect(made.body).toMatchObject({
      name: 'Tea',
      kind: 'group',
      owner: 'ann',
      keepHistory: true,
      members: 3,
      count: 0,
      unread: 0,
      offset: 0,
    });
    expect(made.body.people.map(({ id }: { id: string }) => id).toSorted()).toEqual(['ann', 'bob', 'cleo']);
    expect(stage.planned).toEqual([]);
    await stage.settled(bob, cleo, ann);
    for (const who of [bob, cleo]) {
      expect(stage.frames(who, 'command')).toEqual([{ type: 'command', code: 'room', body: { room, name: 'Tea', action: 'added' } }]);
      expect(stage.heard(who)).toContain(`~x${room}`);
    }
    expect(stage.frames(ann, 'command')).toEqual([]);
    const { body } = await api.call('GET', '/rooms', cleo);
    expect(body.rooms.map((one: { room: string }) => one.room)).toEqual(['park', room]);
  });

  it('[A8] are made by guests, not by customers', async () => {
    const { api } = await group();
    expect((await api.call('POST', '/rooms', cleo, { name: 'Mine', kind: 'group' })).status).toBe(201);
    expect(await api.call('POST', '/rooms', zoe, { name: 'Mine', kind: 'group' })).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN' },
    });
  });

  it('[A8] are limited for each who makes them, as pairs and conversations are', async () => {
    const stage = await RoomStage.start(redis.url);
    const taken: string[] = [];
    const take = async (limit: string, key: string): Promise<number> => {
      taken.push(`${limit} ${key}`);
      return 7;
    };
    const api = await stage.api({ limits: { take } });
    for (const [method, path, who, body] of [
      ['POST', '/rooms', ann, { name: 'x', kind: 'group' }],
      ['POST', '/rooms/match', ann, {}],
      ['PUT', '/rooms/match', ann, { findable: true }],
      ['DELETE', '/rooms/match', ann, undefined],
      ['POST', '/conversations', zoe, {}],
      ['PATCH', '/rooms/group:x', ann, { name: 'y' }],
      ['DELETE', '/rooms/group:x', ann, undefined],
      ['POST', '/rooms/group:x/members', ann, { members: ['bob'] }],
      ['DELETE', '/rooms/group:x/members', ann, { members: ['bob'] }],
      ['GET', '/rooms/park/messages', ann, undefined],
    ] as const) {
      expect(await api.call(method, path, who, body), path).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } });
    }
    const changes = Array.from({ length: 4 }, () => 'roomChangesPerUser ann');
    expect(taken).toEqual([
      'roomsPerUser ann',
      'matchesPerUser ann',
      'matchesPerUser ann',
      'matchesPerUser ann',
      'conversationsPerUser zoe',
      ...changes,
      'historyPagesPerUser ann',
    ]);
    expect((await api.call('GET', '/rooms', ann)).body.rooms).toHaveLength(1);
  });

  it('[A8] are at most 200 of one owner, until one is deleted', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    await stage.database.query(
      `INSERT INTO rooms (room, kind, title, owner, keep_history, created_at) SELECT 'group:' || n, 'group', '', 'ann', false, 1 FROM generate_series(1, 199) n`,
    );
    const made = await Promise.all(Array.from({ length: 4 }, () => api.call('POST', '/rooms', ann, { name: 'x', kind: 'group' })));
    expect(made.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409]);
    expect(made.find(({ status }) => status === 409)?.body.code).toBe('ROOM_LIMIT');
    expect((await api.call('POST', '/rooms', bob, { name: 'x', kind: 'group' })).status).toBe(201);
    expect((await api.call('DELETE', `/rooms/${made.find(({ status }) => status === 201)?.body.room}`, ann)).status).toBe(204);
    expect((await api.call('POST', '/rooms', ann, { name: 'x', kind: 'group' })).status).toBe(201);
  });

  it('[A8] refuse what is no group, and name what is wrong', async () => {
    const { api } = await group();
    const wrong: [object, string][] = [
      [{ kind: 'group' }, 'name'],
      [{ name: 'x', kind: 'pair' }, '/kind'],
      [{ name: 'x', kind: 'group', members: ['a b'] }, '/members/0'],
      [{ name: 'x', kind: 'group', members: 'bob' }, '/members'],
      [{ name: 'x', kind: 'group', expiresIn: 0 }, '/expiresIn'],
      [{ name: 'x', kind: 'group', expiresIn: '5' }, '/expiresIn'],
      [{ name: 'x', kind: 'group', owner: 'bob' }, 'owner'],
      [{ name: '', kind: 'group' }, 'name'],
      [{ name: 'x\u0000', kind: 'group' }, 'name'],
      [{ name: 'x'.repeat(61), kind: 'group' }, 'name'],
    ];
    for (const [body, member] of wrong) {
      const refused = await api.call('POST', '/rooms', ann, body);
      expect(refused, JSON.stringify(body)).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
      expect(JSON.stringify(refused.body)).toContain(member);
    }
    const nobody = await api.call('POST', '/rooms', ann, { name: 'x', kind: 'group', members: ['bob', 'nobody'] });
    expect(nobody).toMatchObject({ status: 404, body: { code: 'USER_NOT_FOUND' } });
  });

  it('[A8] are seen by members only; to all others they look as if they were not', async () => {
    const { api, room } = await group();
    const none = 'group:AAAAAAAAAAAAAAAAAAAAAA';
    for (const [method, path, body] of [
      ['GET', '', undefined],
      ['GET', '/messages', undefined],
      ['PATCH', '', { name: 'Ours' }],
      ['DELETE', '', undefined],
      ['POST', '/members', { members: ['dan'] }],
      ['DELETE', '/members', { members: ['bob'] }],
    ] as const) {
      const there = await api.call(method, `/rooms/${room}${path}`, dan, body);
      const nowhere = await api.call(method, `/rooms/${none}${path}`, dan, body);
      expect(there, `${method} ${path}`).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
      const { requestId: _, ...shown } = there.body;
      expect(nowhere).toMatchObject({ status: 403, body: shown });
      expect((await api.call(method, `/rooms/${room}${path}`, undefined, body)).status).toBe(401);
    }
    expect((await api.call('GET', `/rooms/${room}`, bob)).body).toMatchObject({ room, name: 'Tea', members: 3 });
  });

  it('[A8] are changed by their owner alone', async () => {
    const { stage, api, room } = await group();
    const change = { name: 'Coffee', keepHistory: true };
    expect((await api.call('PATCH', `/rooms/${room}`, bob, change)).status).toBe(403);
    expect((await api.call('DELETE', `/rooms/${room}`, bob)).status).toBe(403);
    expect((await api.call('POST', `/rooms/${room}/members`, bob, { members: ['dan'] })).status).toBe(403);
    expect(await api.call('PATCH', `/rooms/${room}`, ann, change)).toMatchObject({ status: 200, body: change });
    expect(await api.call('GET', `/rooms/${room}`, bob)).toMatchObject({ body: change });
    expect((await api.call('PATCH', `/rooms/${room}`, ann, {})).status).toBe(400);
    await stage.settled(bob);
    // Once as it was made, once because what is known about it changed.
    expect(stage.heard(bob).filter((payload) => payload === `~x${room}`)).toHaveLength(2);
  });

  it('[A8] end when they should: the job moves with the expiry', async () => {
    const { stage, api, made, room } = await group({ expiresIn: 60 });
    const first = made.body.expiresAt as number;
    expect(first).toBeGreaterThan(Date.now());
    expect(first).toBeLessThanOrEqual(Date.now() + 60_000);
    const moved = await api.call('PATCH', `/rooms/${room}`, ann, { expiresIn: 3600 });
    expect(moved.body.expiresAt).toBeGreaterThan(first);
    const never = await api.call('PATCH', `/rooms/${room}`, ann, { expiresIn: null });
    expect(never.body.expiresAt).toBeUndefined();
    expect(stage.planned).toEqual([
      [room, first],
      [room, moved.body.expiresAt],
      [room, undefined],
    ]);
    // Its job, where one is left, closes nothing.
    expect(await stage.expire(room)).toBeUndefined();
    expect((await api.call('GET', `/rooms/${room}`, ann)).status).toBe(200);
  });

  it('[A8] closed by their job tell whoever is in them, and are gone', async () => {
    const { stage, api, room } = await group({ expiresIn: 1 });
    await stage.listenTo(room);
    await until(async () => (await stage.expire(room)) === undefined, { timeoutMs: 20_000, describe: 'its time is over' });
    await until(() => stage.heard(`r:${room}`).includes('~cexpired'), { timeoutMs: 20_000 });
    await stage.settled(bob);
    // Of the group's beginning: its end is told over the room, and by the log.
    expect(stage.heard(bob).filter((payload) => payload === `~x${room}`)).toHaveLength(1);
    expect(stage.heard(`r:${room}`)).toEqual(['~cexpired']);
    expect(await api.call('GET', `/rooms/${room}`, ann)).toMatchObject({ status: 410, body: { code: 'ROOM_CLOSED' } });
    expect((await api.call('GET', '/rooms', ann)).body.rooms).toHaveLength(1);
    expect((await api.call('GET', `/rooms/${room}`, dan)).status).toBe(403);
  });

  it('[A8] are deleted by their owner, and with them their job', async () => {
    const { stage, api, room } = await group({ expiresIn: 600 });
    await stage.listenTo(room);
    expect(await api.call('DELETE', `/rooms/${room}`, ann)).toEqual({ status: 204, body: undefined });
    expect((await api.call('DELETE', `/rooms/${room}`, ann)).status).toBe(410);
    await until(() => stage.heard(`r:${room}`).includes('~cclosed'), { timeoutMs: 20_000 });
    expect(stage.planned.at(-1)).toEqual([room, undefined]);
    expect((await api.call('PATCH', `/rooms/${room}`, ann, { name: 'x' })).status).toBe(410);
    expect((await api.call('GET', `/rooms/${room}/messages`, ann)).status).toBe(410);
  });

  it('[A8] take members in and let them go', async () => {
    const { stage, api, room } = await group();
    const added = await api.call('POST', `/rooms/${room}/members`, ann, { members: ['dan', 'bob'] });
    expect(added.body.people.map(({ id }: { id: string }) => id).toSorted()).toEqual(['ann', 'bob', 'cleo', 'dan']);
    expect((await api.call('GET', `/rooms/${room}`, dan)).status).toBe(200);
    expect((await api.call('DELETE', `/rooms/${room}/members`, dan, { members: ['bob'] })).status).toBe(403);
    expect((await api.call('DELETE', `/rooms/${room}/members`, dan, { members: ['dan'] })).status).toBe(200);
    expect((await api.call('DELETE', `/rooms/${room}/members`, ann, { members: ['ann'] })).status).toBe(403);
    const left = await api.call('DELETE', `/rooms/${room}/members`, ann, { members: ['bob', 'nobody'] });
    expect(left.body.people.map(({ id }: { id: string }) => id).toSorted()).toEqual(['ann', 'cleo']);
    for (const who of [bob, dan]) expect((await api.call('GET', `/rooms/${room}`, who)).status).toBe(403);
    await stage.settled(bob, dan);
    expect(stage.frames(dan, 'command').map(({ body }) => body.action)).toEqual(['added', 'removed']);
    expect(stage.frames(bob, 'command').map(({ body }) => body.action)).toEqual(['added', 'removed']);
    expect(await api.call('POST', `/rooms/${room}/members`, ann, { members: ['nobody'] })).toMatchObject({ status: 404 });
    expect((await api.call('POST', `/rooms/${room}/members`, ann, { members: [] })).status).toBe(400);
  });

  it('[A8] count who is in them', async () => {
    const { stage, api, room } = await group();
    await stage.enter(room, ann);
    await stage.enter(room, bob);
    await stage.enter('park', dan);
    const { body } = await api.call('GET', '/rooms', ann);
    expect(body.rooms).toMatchObject([
      { room: 'park', kind: 'park', count: 1, keepHistory: true },
      { room, count: 2, members: 3 },
    ]);
  });
});
