import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisServer } from '#test/support/redis-server.ts';
import { bearer, RoomStage, type StageApi, type StagePerson } from '#test/support/room-stage.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.stop());

const zoe = bearer('zoe', 'customer');
const yan = bearer('yan', 'customer');
const max = bearer('max', 'agent');
const mia = bearer('mia', 'agent');

const open = async (api: StageApi, who: StagePerson, body?: object) => {
  const opened = await api.call('POST', '/conversations', who, body);
  expect(opened.status).toBe(201);
  return opened.body;
};

describe('conversations', () => {
  it('[A10] wait until an agent is online, who then gets them; both are told', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    await stage.arrive(zoe, bearer('ann'));
    const { room, ...rest } = await open(api, zoe, { subject: ' A parcel ' });
    expect(room).toMatch(/^conv:[\w-]{22}$/);
    expect(rest).toEqual({
      state: 'queued',
      subject: 'A parcel',
      customer: { id: 'zoe', name: zoe.name, kind: 'customer' },
      createdAt: expect.any(Number),
    });
    await api.rooms.assignment.sweep();
    expect((await api.call('GET', '/conversations?state=queued', max)).body.conversations).toMatchObject([{ room, state: 'queued' }]);
    await stage.arrive(max);
    await Promise.all([api.rooms.assignment.sweep(), (await stage.api()).rooms.assignment.sweep()]);
    await stage.settled(zoe, max);
    const told = {
      type: 'command',
      code: 'conversation',
      body: {
        room,
        state: 'assigned',
        subject: 'A parcel',
        customer: { id: 'zoe', name: zoe.name, kind: 'customer' },
        agent: { id: 'max', name: max.name, kind: 'agent' },
      },
    };
    expect(stage.frames(zoe, 'command')).toEqual([told]);
    expect(stage.frames(max, 'command')).toEqual([told]);
    expect((await api.call('GET', `/rooms/${room}`, max)).body).toMatchObject({
      room,
      kind: 'conv',
      keepHistory: true,
      with: { id: 'zoe' },
    });
    expect((await api.call('GET', '/conversations?state=queued', max)).body.conversations).toEqual([]);
  });

  it('[A10] are given to the agent online who has the fewest', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    const away = bearer('abe', 'agent');
    await stage.arrive(max, mia, away);
    await stage.depart(away);
    const customers = Array.from({ length: 11 }, (_, n) => bearer(`zoe${n}`, 'customer'));
    const opened = await Promise.all(customers.slice(0, 8).map((customer) => open(api, customer)));
    const count = (agent: StagePerson) => opened.filter((one) => one.agent.id === agent.id).length;
    expect([count(max), count(mia), count(away)]).toEqual([4, 4, 0]);
    const mine = opened.filter((one) => one.agent.id === 'max');
    for (const { room } of mine) expect((await api.call('POST', `/conversations/${room}/close`, max)).status).toBe(204);
    for (const customer of customers.slice(8)) expect((await open(api, customer)).agent.id).toBe('max');
  });

  it('[A10] are taken over and handed on by agents', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    await stage.arrive(max, zoe);
    const { room } = await open(api, zoe);
    await stage.arrive(mia);
    const taken = await api.call('POST', `/conversations/${room}/assign`, mia);
    expect(taken).toMatchObject({ status: 200, body: { room, state: 'assigned', agent: { id: 'mia' } } });
    expect((await api.call('GET', `/rooms/${room}`, max)).status).toBe(403);
    await stage.settled(max, mia, zoe);
    for (const who of [max, mia, zoe]) expect(stage.frames(who, 'command').at(-1)).toMatchObject({ body: { room, agent: { id: 'mia' } } });
    expect(stage.heard(max).filter((payload) => payload === `~x${room}`)).toHaveLength(2);
    expect((await api.call('POST', `/conversations/${room}/assign`, mia, { agent: 'max' })).body.agent.id).toBe('max');
    await stage.depart(mia);
    for (const agent of ['mia', 'zoe', 'nobody']) {
      const refused = await api.call('POST', `/conversations/${room}/assign`, max, { agent });
      expect(refused, agent).toMatchObject({ status: 404, body: { code: 'USER_NOT_FOUND' } });
    }
    expect((await api.call('POST', '/conversations/conv:none/assign', max)).body.code).toBe('ROOM_NOT_FOUND');
    expect((await api.call('GET', '/conversations?agent=max', mia)).body.conversations).toMatchObject([{ room }]);
    expect((await api.call('GET', '/conversations?agent=mia&state=assigned', mia)).body.conversations).toEqual([]);
  });

  it('[A10] end from either side, and both are told', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    await stage.arrive(max, zoe);
    const { room } = await open(api, zoe);
    for (const stranger of [yan, mia]) expect((await api.call('POST', `/conversations/${room}/close`, stranger)).status).toBe(403);
    expect((await api.call('DELETE', `/rooms/${room}`, zoe)).status).toBe(403);
    expect((await api.call('POST', `/conversations/${room}/close`, zoe)).status).toBe(204);
    await stage.settled(max, zoe);
    for (const who of [max, zoe]) expect(stage.frames(who, 'room_closed')).toEqual([{ type: 'room_closed', room, reason: 'closed' }]);
    expect((await api.call('POST', `/conversations/${room}/close`, max)).body.code).toBe('ROOM_CLOSED');
    expect((await api.call('POST', `/conversations/${room}/assign`, max)).body.code).toBe('ROOM_CLOSED');
    expect((await api.call('GET', '/conversations?state=closed', max)).body.conversations).toMatchObject([{ room, state: 'closed' }]);
    await stage.depart(max);
    const waiting = await open(api, zoe);
    expect((await api.call('POST', `/conversations/${waiting.room}/close`, mia)).status).toBe(204);
    await stage.arrive(max);
    await api.rooms.assignment.sweep();
    expect((await api.call('GET', '/conversations?state=assigned', max)).body.conversations).toEqual([]);
  });

  it('[A10] ended ones are read by the agent who has their customer now, and by nobody else', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    await stage.arrive(max, zoe);
    const first = await open(api, zoe);
    const words = '😀'.repeat(2000);
    expect((await api.call('POST', '/publish', 'service', { room: first.room, text: words })).status).toBe(200);
    const tooLong = await api.call('POST', '/publish', 'service', { room: first.room, text: `${words}x` });
    expect(tooLong.body.code).toBe('MESSAGE_TOO_LONG');
    const read = async (who: StagePerson) => {
      const { status, body } = await api.call('GET', `/rooms/${first.room}/messages`, who);
      return status === 200 ? body.messages.map(({ message }: { message: { text: string } }) => message.text) : body.code;
    };
    expect(await read(mia)).toBe('FORBIDDEN');
    expect((await api.call('POST', `/conversations/${first.room}/close`, zoe)).status).toBe(204);
    expect([await read(max), await read(zoe), await read(mia)]).toEqual([[words], [words], 'FORBIDDEN']);
    await stage.depart(max);
    await stage.arrive(mia);
    const second = await open(api, zoe);
    expect(second.agent.id).toBe('mia');
    expect([await read(mia), await read(bearer('abe', 'agent')), await read(yan)]).toEqual([[words], 'FORBIDDEN', 'FORBIDDEN']);
    const ended = { ...first, state: 'closed', endedAt: expect.any(Number) };
    const list = async (who: StagePerson, query: string) => (await api.call('GET', `/conversations?${query}`, who)).body;
    expect(await list(mia, 'state=closed&customer=zoe')).toEqual({ conversations: [{ ...ended, customerOnline: true }] });
    expect(await list(zoe, 'state=closed')).toEqual({ conversations: [ended] });
    expect(await list(yan, '')).toEqual({ conversations: [] });
    expect(await list(yan, 'customer=zoe')).toMatchObject({ code: 'FORBIDDEN' });
    await stage.depart(zoe);
    expect((await list(mia, 'state=assigned')).conversations).toMatchObject([{ room: second.room, customerOnline: false }]);
    await api.call('POST', `/conversations/${second.room}/assign`, max);
    expect(await read(mia)).toBe('FORBIDDEN');
    await api.call('POST', `/conversations/${second.room}/assign`, mia);
    expect(await read(mia)).toEqual([words]);
    expect((await api.call('POST', `/conversations/${second.room}/close`, mia)).status).toBe(204);
    expect(await read(mia)).toBe('FORBIDDEN');
  });

  it('[A10] are known one by one to their customer and, with what the customer told, to agents, who see which of them are online', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    await stage.store.customers.create({ id: 'zoe', name: zoe.name, channel: 'shop', metadata: { plan: 'gold' } });
    await stage.arrive(max, mia, zoe);
    const opened = await open(api, zoe, { subject: 'A parcel' });
    expect(await api.call('GET', `/conversations/${opened.room}`, zoe)).toEqual({ status: 200, body: opened });
    const known = { status: 200, body: { ...opened, customerOnline: true, channel: 'shop', metadata: { plan: 'gold' } } };
    expect(await api.call('GET', `/conversations/${opened.room}`, mia)).toEqual(known);
    const unknown = await open(api, yan);
    expect((await api.call('GET', `/conversations/${unknown.room}`, max)).body).toEqual({ ...unknown, customerOnline: false });
    expect((await api.call('POST', `/conversations/${opened.room}/close`, zoe)).status).toBe(204);
    expect((await api.call('GET', `/conversations/${opened.room}`, zoe)).body).toEqual({
      ...opened,
      state: 'closed',
      endedAt: expect.any(Number),
    });
    for (const who of [yan, bearer('ann')]) expect((await api.call('GET', `/conversations/${opened.room}`, who)).status).toBe(403);
    expect((await api.call('GET', '/conversations/conv:none', zoe)).body.code).toBe('FORBIDDEN');
    expect((await api.call('GET', '/conversations/conv:none', max)).body.code).toBe('ROOM_NOT_FOUND');
    const names = ({ body }: { body: { agents: StagePerson[] } }) => body.agents.map(({ id }) => id).sort();
    expect(names(await api.call('GET', '/agents', max))).toEqual(['max', 'mia']);
    await stage.depart(mia);
    expect(names(await api.call('GET', '/agents', max))).toEqual(['max']);
    expect((await api.call('GET', '/agents', zoe)).status).toBe(403);
  });

  it('[A10] of an agent who has gone for over a minute go back to the queue, and to who comes; who only connects again keeps them', async () => {
    const stage = await RoomStage.start(redis.url);
    const apis = [await stage.api(), await stage.api()] as const;
    const sweeps = apis.map((api) => () => api.rooms.assignment.sweep());
    const agentOf = async (room: string) => (await stage.store.conversations.get(room))?.agent?.id;
    await stage.arrive(max, zoe);
    const { room } = await open(apis[0], zoe);
    for (let turn = 0; turn < 3; turn += 1) {
      await stage.depart(max);
      await stage.pass(50, ...sweeps);
      expect(await agentOf(room)).toBe('max');
      await stage.arrive(max);
      await stage.pass(5, ...sweeps);
    }
    await stage.depart(max);
    // Where nobody looked, nobody knows whether they were away: a minute of it counts from the next look.
    await stage.pass(5, ...sweeps);
    stage.ahead += 300_000;
    await stage.pass(50, ...sweeps);
    expect(await agentOf(room)).toBe('max');
    await stage.pass(15, async () => void (await Promise.all(sweeps.map((sweep) => sweep()))));
    expect(await stage.store.conversations.get(room)).toMatchObject({ state: 'queued', agent: undefined });
    expect((await apis[0].call('GET', `/rooms/${room}`, zoe)).body.people).toEqual([{ id: 'zoe', name: zoe.name, kind: 'customer' }]);
    await stage.arrive(mia);
    await stage.pass(1, ...sweeps);
    expect(await agentOf(room)).toBe('mia');
    // Who comes back finds it with somebody else.
    await stage.arrive(max);
    await stage.pass(70, ...sweeps);
    expect(await agentOf(room)).toBe('mia');
    await stage.settled(zoe, max, mia);
    const states = (who: StagePerson) => stage.frames(who, 'command').map(({ body }) => body.agent?.id ?? body.state);
    expect(states(zoe)).toEqual(['max', 'queued', 'mia']);
    expect(states(max)).toEqual(['max', 'queued']);
    expect(states(mia)).toEqual(['mia']);
  });

  it('[A10] of an agent who has gone go to those online who have the fewest', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    const abe = bearer('abe', 'agent');
    await stage.arrive(max, zoe);
    const mine = await Promise.all(Array.from({ length: 5 }, (_, n) => open(api, bearer(`zoe${n}`, 'customer'))));
    await stage.arrive(mia);
    const hers = await open(api, yan);
    expect(hers.agent.id).toBe('mia');
    const over = mine[0].room;
    expect((await api.call('POST', `/conversations/${over}/close`, max)).status).toBe(204);
    await stage.arrive(abe);
    await stage.depart(max);
    await stage.pass(70, () => api.rooms.assignment.sweep());
    const now = (await api.call('GET', '/conversations?state=assigned', mia)).body.conversations;
    const count = (agent: string) => now.filter((one: { agent: StagePerson }) => one.agent.id === agent).length;
    expect([count('max'), count('mia'), count('abe')]).toEqual([0, 2, 3]);
    expect(await stage.store.conversations.get(over)).toMatchObject({ state: 'closed', agent: { id: 'max' } });
    const { room } = now[0];
    expect(await stage.store.conversations.reassign(room, 'max', [])).toBeUndefined();
    expect(await stage.store.conversations.reassign(over, 'max', [])).toBeUndefined();
  });

  it('[A10] are read by their customer and their agent after their end, and not entered any more', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    await stage.arrive(max, zoe);
    const { room } = await open(api, zoe);
    const sender = JSON.stringify({ id: 'max', name: max.name });
    const kept = { room, epoch: 'e', sender, data: undefined, at: Date.now() };
    for (const offset of [1, 2, 3]) await stage.store.messages.append({ ...kept, offset, id: `m${offset}`, text: `said ${offset}` });
    expect((await api.call('POST', `/conversations/${room}/close`, max)).status).toBe(204);
    for (const who of [zoe, max]) {
      const page = await api.call('GET', `/rooms/${room}/messages?limit=2`, who);
      expect(page).toMatchObject({
        status: 200,
        body: { messages: [{ offset: 2 }, { offset: 3, message: { text: 'said 3' } }], more: true },
      });
      expect((await api.call('GET', `/conversations/${room}`, who)).body).toMatchObject({ room, state: 'closed', agent: { id: 'max' } });
      expect((await api.call('GET', `/rooms/${room}`, who)).body.code).toBe('ROOM_CLOSED');
    }
    for (const who of [yan, mia]) expect((await api.call('GET', `/rooms/${room}/messages`, who)).body.code).toBe('FORBIDDEN');
    expect((await api.call('POST', '/publish', 'service', { room, text: 'late' })).body.code).toBe('ROOM_CLOSED');
    // What was said last waits for both, until they have it.
    for (const who of [zoe, max]) expect(await stage.store.cursors.waiting(who.id)).toMatchObject([{ room, delivered: 0, top: 3 }]);
    await stage.store.cursors.advance('zoe', room, 3);
    expect(await stage.store.cursors.waiting('zoe')).toEqual([]);
    // As long as the room is kept: thirty days.
    await stage.store.upkeep.dropClosedRooms(Date.now() + 29 * 86_400_000);
    expect((await api.call('GET', `/rooms/${room}/messages`, zoe)).status).toBe(200);
    await stage.store.upkeep.dropClosedRooms(Date.now() + 31 * 86_400_000);
    for (const who of [zoe, max]) expect((await api.call('GET', `/rooms/${room}/messages`, who)).body.code).toBe('FORBIDDEN');
    expect(await stage.store.cursors.waiting('max')).toEqual([]);
  });

  it('[A10] are opened by customers, listed by agents, and by customers their own', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    for (const kind of ['user', 'guest', 'agent']) expect((await api.call('POST', '/conversations', bearer('x', kind))).status).toBe(403);
    for (const kind of ['user', 'guest']) expect((await api.call('GET', '/conversations', bearer('x', kind))).status).toBe(403);
    expect((await api.call('GET', '/conversations', bearer('x', 'customer'))).body).toEqual({ conversations: [] });
    for (const kind of ['user', 'guest', 'customer'])
      expect((await api.call('POST', '/conversations/conv:x/assign', bearer('x', kind))).status).toBe(403);
    expect((await api.call('POST', '/conversations', zoe, { subject: 'x'.repeat(61) })).status).toBe(400);
    expect((await api.call('POST', '/conversations', zoe, { topic: 'x' })).body.details[0].path).toBe('/topic');
    expect((await api.call('GET', '/conversations?state=lost', max)).body.code).toBe('INVALID_REQUEST');
  });
});
