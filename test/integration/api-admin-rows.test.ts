import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JobError } from '#libs/jobs/jobs.ts';
import type { NodeReading } from '#libs/presence/node-directory.ts';
import { messageTail } from '#libs/protocol/server-frame.ts';
import { adminWorld } from '#test/support/admin-world.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { bearer } from '#test/support/room-stage.ts';
import { until } from '#test/support/wait.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.stop());

const world = () => adminWorld(redis.url);
type World = Awaited<ReturnType<typeof world>>;

/** Opens a conversation of a customer, who was there at this moment. */
async function ask({ stage }: World, name: string, now: number, channel = 'shop') {
  const customer = { id: `c-${name}`, name, kind: 'customer' };
  await stage.store.customers.create({ id: customer.id, name, channel });
  const room = `conv:${name}`;
  await stage.store.conversations.open({ room, subject: `Secret of ${name}`, customer, now, further: false, openMax: 3 });
  return room;
}

describe('a row of the admin page', () => {
  it('[A13] a gateway tells its start, people, rooms, event loop and limits', async () => {
    const { json, gateway, nodes, time } = await world();
    const limits = {
      connections: 5000,
      connectionsPerUser: 10,
      connectionsPerAddress: 0,
      roomsPerConnection: 100,
      framesPerSecond: 20,
      messageChars: 500,
      drainSeconds: 30,
    };
    const more = { userCount: 2, roomCount: 4, loopLag: 0.003, ackP99: 0.02, deliveryP99: null, limits };
    const reading: NodeReading = { connections: 3, messages: 0, redisLag: 0, state: 'serving', rooms: ['den'], ...more };
    gateway('gw-1', reading);
    await until(async () => (await nodes.list()).length === 1, { timeoutMs: 20_000, describe: 'it told' });
    const [node] = (await json('/admin/api/nodes')).nodes;
    expect(node).toMatchObject({ id: 'gw-1', startedAt: time.now, ...more });
    expect(node.rooms).toBeUndefined();
  });

  it('[A13] a room tells its people with their gateways, and when the last message came, not the text', async () => {
    const { stage, json, get } = await world();
    for (const name of ['zoe', 'ann']) {
      await stage.arrive(bearer(name));
      await stage.enter('den', bearer(name));
    }
    const at = 1_700_000_000_123;
    await stage.publish('den', messageTail('den', 'm', '{"id":"ann","name":"Ann"}', 'secret words', undefined, at), at);
    const reply = await get('/admin/api/rooms/den');
    expect(await reply.clone().text()).not.toContain('secret');
    expect(await reply.json()).toEqual({
      room: 'den',
      kind: 'open',
      name: '',
      retention: 'stream',
      createdAt: null,
      expiresAt: null,
      closedAt: null,
      members: null,
      count: 2,
      people: ['ann', 'zoe'].map((id) => ({ id, name: `Name of ${id}`, kind: 'user', sessions: 1, nodes: ['door'] })),
      last: { offset: 1, at },
    });
    // Every name is a room, but the rooms that the hub makes are there or not.
    expect(await json('/admin/api/rooms/live:nobody')).toMatchObject({ kind: 'live', retention: 'none', count: 0, people: [], last: null });
    const long = 'x'.repeat(128);
    expect(await json(`/admin/api/rooms/${long}`)).toMatchObject({ room: long, count: 0 });
    const none = await get('/admin/api/rooms/group:none');
    expect([none.status, (await none.json()).code]).toEqual([404, 'ROOM_NOT_FOUND']);
    expect((await get(`/admin/api/rooms/${encodeURIComponent('no room')}`)).status).toBe(400);
    expect((await get('/admin/api/rooms/den', {})).status).toBe(401);
  });

  it('[A13] a private room shows those of its members who are online, and never what a customer asked', async () => {
    const w = await world();
    const room = await ask(w, 'kim', 1000);
    await w.stage.arrive({ ...bearer('c-kim', 'customer') });
    const reply = await w.get(`/admin/api/rooms/${room}`);
    expect(await reply.clone().text()).not.toContain('Secret');
    expect(await reply.json()).toMatchObject({
      kind: 'conv',
      name: '',
      retention: 'history',
      createdAt: 1000,
      members: 1,
      count: 1,
      people: [{ id: 'c-kim', kind: 'customer', sessions: 1 }],
      last: null,
    });
    await w.stage.depart(bearer('c-kim'));
    expect(await w.json(`/admin/api/rooms/${room}`)).toMatchObject({ members: 1, count: 0, people: [] });
  });

  it('[A13] a queue shows its jobs by state, with attempts, times and the reason, and no payload', async () => {
    const { jobs, json, get } = await world();
    const before = Date.now();
    await jobs.add('room-expiry', { room: 'group:later' }, { id: 'group:later', delayMs: 600_000 });
    await jobs.add('room-expiry', { room: 'group:soon' }, { id: 'group:soon', delayMs: 300_000 });
    await jobs.add('mail', { sealed: 'sealed-letter' }, { id: 'bad' });
    const at = '/admin/api/queues/room-expiry/jobs?state=delayed';
    const { jobs: delayed } = await json(at);
    expect(delayed).toMatchObject([
      { id: 'group:soon', name: 'room-expiry', state: 'delayed', attempts: 0, attemptsMax: 8, error: null },
      { id: 'group:later' },
    ]);
    const [{ madeAt, dueAt }] = delayed;
    expect(madeAt).toBeGreaterThanOrEqual(before);
    expect(Math.abs(dueAt - madeAt - 300_000)).toBeLessThan(1000);
    expect((await json(`${at}&limit=1`)).jobs).toHaveLength(1);
    expect((await json('/admin/api/queues/mail/jobs?state=waiting')).jobs).toMatchObject([{ id: 'bad', state: 'waiting' }]);
    jobs.process('mail', () => Promise.reject(new JobError('no such mailbox', { permanent: true })));
    await until(async () => (await jobs.counts()).mail.failed === 1, { timeoutMs: 20_000, describe: 'it is given up' });
    const failed = await get('/admin/api/queues/mail/jobs?state=failed');
    expect(await failed.clone().text()).not.toContain('sealed-letter');
    expect((await failed.json()).jobs).toMatchObject([
      { id: 'bad', name: 'mail', state: 'failed', attempts: 1, attemptsMax: 20, dueAt: null, error: 'no such mailbox' },
    ]);
    for (const bad of ['', '?state=done', '?state=failed&limit=0', '?state=failed&limit=101'])
      expect((await get(`/admin/api/queues/mail/jobs${bad}`)).status, bad).toBe(400);
    expect((await get('/admin/api/queues/none/jobs?state=failed')).status).toBe(400);
  });
});

describe('customers and agents on the admin page', () => {
  it('[A13] those who wait come in their order, page by page, without what they asked', async () => {
    const w = await world();
    for (const [n, name] of ['kim', 'lea', 'max'].entries()) await ask(w, name, 1000 + n, n === 0 ? 'app' : 'shop');
    await w.stage.arrive(bearer('c-lea', 'customer'));
    const reply = await w.get('/admin/api/waiting?limit=2');
    expect(await reply.clone().text()).not.toContain('Secret');
    const { next, ...first } = (await reply.json()) as { next: string };
    expect(first).toEqual({
      count: 3,
      customers: [
        { room: 'conv:kim', id: 'c-kim', name: 'kim', channel: 'app', online: false, since: 1000 },
        { room: 'conv:lea', id: 'c-lea', name: 'lea', channel: 'shop', online: true, since: 1001 },
      ],
    });
    // Who is served meanwhile does not move the others.
    await w.stage.store.conversations.assign('conv:kim', [{ id: 'a-1', name: 'Ida' }]);
    expect(await w.json(`/admin/api/waiting?limit=2&after=${next}`)).toMatchObject({ count: 2, customers: [{ room: 'conv:max' }] });
    for (const bad of ['limit=0', 'limit=101', 'after=x', `after=${Buffer.from('["agents",1,2]').toString('base64url')}`])
      expect((await w.get(`/admin/api/waiting?${bad}`)).status, bad).toBe(400);
    expect((await w.get('/admin/api/waiting', {})).status).toBe(401);
  });

  it('[A13] agents tell whether they are there, and how many of all conversations they have', async () => {
    const w = await world();
    for (const name of ['Zoe', 'ann', 'Ida'])
      await w.stage.store.agents.create({ id: `a-${name}`, name, passwordHash: '$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA' });
    // An agent of another issuer is known once they were here.
    await w.stage.arrive(bearer('foreign', 'agent'), bearer('a-Ida', 'agent'));
    for (const [n, name] of ['kim', 'lea', 'max'].entries()) {
      const room = await ask(w, name, 1000 + n);
      if (n < 2) await w.stage.store.conversations.assign(room, [{ id: n === 0 ? 'a-Ida' : 'a-Zoe', name: 'Agent' }]);
    }
    const { next, ...first } = await w.json('/admin/api/agents?limit=2');
    expect(first).toEqual({
      conversations: 2,
      agents: [
        { id: 'a-ann', name: 'ann', sessions: 0, conversations: 0 },
        { id: 'a-Ida', name: 'Ida', sessions: 1, conversations: 1 },
      ],
    });
    expect(await w.json(`/admin/api/agents?after=${next}`)).toEqual({
      conversations: 2,
      agents: [
        { id: 'foreign', name: 'Name of foreign', sessions: 1, conversations: 0 },
        { id: 'a-Zoe', name: 'Zoe', sessions: 0, conversations: 1 },
      ],
    });
    expect((await w.get('/admin/api/agents?limit=101')).status).toBe(400);
  });
});
