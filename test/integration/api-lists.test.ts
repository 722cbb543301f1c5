/** Lists of the API are read page by page to their end (A16): nothing is missed or comes twice, whatever is added meanwhile. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { OriginPolicy } from '#libs/auth/origin-policy.ts';
import { JobsMemory } from '#libs/jobs/jobs-memory.ts';
import { NodeDirectoryMemory } from '#libs/presence/node-directory-memory.ts';
import { buildAdmin } from '#services/api/admin.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { bearer, RoomStage, SILENT, type StageApi } from '#test/support/room-stage.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.stop());

const ann = bearer('ann');
const max = bearer('max', 'agent');
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n);

type Get = (path: string) => Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }>;

/** Everything of a list, by its pages. `between` is called after each. */
async function pages<Item>(
  get: Get,
  path: string,
  member: string,
  between: (page: number) => Promise<unknown> = async () => undefined,
): Promise<Item[][]> {
  const found: Item[][] = [];
  for (let after = ''; ; ) {
    const { status, body } = await get(`${path}${path.includes('?') ? '&' : '?'}${after}`.replace(/[?&]$/, ''));
    expect(status).toBe(200);
    found.push(body[member] as Item[]);
    await between(found.length);
    if (body['next'] === undefined) return found;
    expect(found.length, 'the list ends').toBeLessThan(1000);
    after = `after=${encodeURIComponent(String(body['next']))}`;
  }
}

async function world(): Promise<{
  readonly stage: RoomStage;
  readonly api: StageApi;
  readonly as: (who: typeof ann) => Get;
  readonly admin: Get;
}> {
  const stage = await RoomStage.start(redis.url);
  const api = await stage.api();
  const app = buildAdmin({
    log: SILENT,
    now: Date.now,
    uuid: randomUUID,
    password: 'tea: at four',
    origins: new OriginPolicy({ publicUrl: undefined, allowedOrigins: [], log: SILENT, steady: Date.now }),
    localKey: undefined,
    nodes: new NodeDirectoryMemory(),
    presence: api.presence,
    broker: stage.broker,
    addresses: { ban: async () => undefined },
    store: stage.store,
    jobs: new JobsMemory({ log: SILENT }),
    version: '1.2.3',
    redis: true,
    dashboardUrl: undefined,
    warnings: async () => [],
    keySet: () => undefined,
    page: undefined,
    board: [],
  });
  onTestFinished(() => app.close());
  const authorization = `Basic ${Buffer.from('admin:tea: at four').toString('base64')}`;
  return {
    stage,
    api,
    as: (who) => (path) => api.call('GET', path, who),
    admin: async (path) => {
      const reply = await app.inject({ url: `/admin/api${path}`, headers: { authorization } });
      return { status: reply.statusCode, body: reply.json() };
    },
  };
}

/** Groups of somebody, the first the oldest. */
async function groups(stage: RoomStage, user: string, from: number, to: number): Promise<void> {
  await stage.database.query(
    `WITH made AS (
       INSERT INTO rooms (room, kind, title, owner, keep_history, history_from, created_at)
       SELECT 'group:' || n, 'group', 'Group ' || n, $1::text, true, n, n FROM generate_series($2::integer, $3::integer) n RETURNING room
     ) INSERT INTO room_members (room, user_id, name) SELECT room, $1::text, $1::text FROM made`,
    [user, from, to],
  );
}

async function said(stage: RoomStage, room: string, offset: number, at: number): Promise<void> {
  await stage.store.messages.append({
    room,
    offset,
    epoch: 'e',
    id: randomUUID(),
    sender: '{"id":"bob","name":"Bob"}',
    text: '"hi"',
    data: undefined,
    at,
  });
}

/** Conversations; the first waits the longest. */
async function conversations(
  stage: RoomStage,
  from: number,
  to: number,
  state: 'queued' | 'assigned' | 'closed' = 'queued',
): Promise<void> {
  await stage.database.query(
    `WITH made AS (
       INSERT INTO rooms (room, kind, title, owner, keep_history, created_at)
       SELECT 'conv:' || n, 'conv', '', 'c' || n, true, n FROM generate_series($1::integer, $2::integer) n RETURNING room, created_at
     ) INSERT INTO conversations (room, subject, state, customer_id, customer_name, agent_id, agent_name, created_at)
       SELECT room, '', $3::text, 'c' || created_at, 'C', CASE WHEN $3::text <> 'queued' THEN 'max' END, CASE WHEN $3::text <> 'queued' THEN 'Max' END, created_at / 2 * 2 FROM made ORDER BY created_at`,
    [from, to, state],
  );
}

const roomsOf = (found: readonly (readonly { readonly room: string }[])[]) => found.flat().map(({ room }) => room);

describe('lists', () => {
  it('[A8][A16] 501 rooms are all reached, while others are made and written in', async () => {
    const { stage, as } = await world();
    await groups(stage, 'ann', 1, 501);
    const found = await pages<{ room: string; unread: number }>(as(ann), '/rooms', 'rooms', (page) =>
      groups(stage, 'ann', 1000 + page, 1000 + page),
    );
    expect(found.map(({ length }) => length)).toEqual([501, 1]);
    expect(roomsOf(found)).toEqual([
      'park',
      ...range(1, 501)
        .toReversed()
        .map((n) => `group:${n}`),
    ]);
    // Small pages; between two of them something is said in a room that was given, and in one that was not.
    await said(stage, 'group:77', 1, 300);
    const small = await pages<{ room: string; unread: number }>(as(ann), '/rooms?limit=100', 'rooms', async (page) => {
      await said(stage, `group:${501 - 100 * (page - 1)}`, 1, 5000 + page);
      await said(stage, `group:${400 - 100 * (page - 1)}`, 1, 6000 + page);
      await said(stage, 'group:77', 1 + page, 6500 + page);
      await groups(stage, 'ann', 1010 + page, 1010 + page);
    });
    const known = [1002, 1001, ...range(1, 501).toReversed()].map((n) => `group:${n}`);
    expect(roomsOf(small).toSorted()).toEqual(['park', ...known].toSorted());
    // The order is that of the first page.
    expect(roomsOf(small).indexOf('group:77')).toBeLessThan(roomsOf(small).indexOf('group:299'));
    expect(small.flat().find(({ room }) => room === 'group:77')?.unread).toBeGreaterThan(1);
  });

  it('[A10][A16] 201 conversations are all reached, those that wait the longest first', async () => {
    const { stage, as } = await world();
    await conversations(stage, 1, 201);
    const more = (state?: 'closed') => {
      let n = 1000;
      return () => {
        n += 1;
        return conversations(stage, n, n, state);
      };
    };
    const queued = await pages<{ room: string }>(as(max), '/conversations?state=queued', 'conversations', more('closed'));
    expect(queued.map(({ length }) => length)).toEqual([200, 1]);
    expect(roomsOf(queued)).toEqual(range(1, 201).map((n) => `conv:${n}`));
    await stage.database.query(
      "UPDATE conversations SET state = 'assigned', agent_id = 'max', agent_name = 'Max' WHERE state = 'queued'",
      [],
    );
    for (const path of [
      '/conversations?state=assigned&limit=7',
      '/conversations?agent=max&state=assigned&limit=7',
      '/conversations?agent=max&limit=70',
      '/conversations?limit=70',
    ]) {
      const found = await pages<{ room: string }>(as(max), path, 'conversations');
      const known = roomsOf(found).filter((room) => !/:\d{4}$/.test(room));
      expect(known, path).toEqual(
        range(1, 201)
          .toReversed()
          .map((n) => `conv:${n}`),
      );
    }
  });

  it('[A13][A16] 501 people online are all reached, while others come', async () => {
    const { stage, admin } = await world();
    const people = range(1, 501).map((n) => bearer(`u${n}`));
    await stage.arrive(...people);
    const found = await pages<{ id: string }>(admin, '/online?limit=200', 'users', (page) => stage.arrive(bearer(`a${page}`)));
    expect(found.map(({ length }) => length)).toEqual([200, 200, 101]);
    expect(found.flat().map(({ id }) => id)).toEqual(people.map(({ id }) => id).toSorted());
    const whole = await pages<{ id: string }>(admin, '/online?limit=500', 'users');
    expect(whole.flat()).toHaveLength(504);
  });

  it('[A13][A16] people are found and their rooms listed beyond the first page', async () => {
    const { stage, admin } = await world();
    const people = range(1, 45).map((n) => bearer(`p${n}`, 'user', { name: n % 2 === 0 ? 'Ann' : `ANN ${n}` }));
    await stage.arrive(...people, bearer('ann', 'user', { name: 'ann' }), bearer('bob'));
    const found = await pages<{ id: string }>(admin, '/users?find=ann', 'users');
    expect(found.map(({ length }) => length)).toEqual([20, 20, 6]);
    expect(
      found
        .flat()
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual([...people.map(({ id }) => id), 'ann'].toSorted());
    expect(found[0]?.[0]?.id).toBe('ann');
    await groups(stage, 'bob', 1, 101);
    const rooms = await pages<{ room: string }>(admin, '/users/bob/rooms', 'rooms');
    expect(roomsOf(rooms)).toEqual(
      range(1, 101)
        .toReversed()
        .map((one) => `group:${one}`),
    );
  });

  it('[A16] a cursor that is none of the list is refused, and says so', async () => {
    const { stage, as, admin } = await world();
    await groups(stage, 'ann', 1, 2);
    await conversations(stage, 1, 2);
    await stage.arrive(bearer('u1'), bearer('u2'));
    const next = async (get: Get, path: string) => String((await get(path)).body['next']);
    const ofRooms = await next(as(ann), '/rooms?limit=1');
    const ofQueue = await next(as(max), '/conversations?limit=1&state=queued');
    const forged = (...values: unknown[]) => Buffer.from(JSON.stringify(values)).toString('base64url');
    for (const [get, path, own] of [
      [as(ann), '/rooms', ofRooms],
      [as(max), '/conversations', await next(as(max), '/conversations?limit=1')],
      [as(max), '/conversations?state=queued', ofQueue],
      [admin, '/online', await next(admin, '/online?limit=1')],
      [admin, '/users?find=name', await next(admin, '/users?find=name&limit=1')],
      [admin, '/users/ann/rooms', await next(admin, '/users/ann/rooms?limit=1')],
    ] as const) {
      const list = JSON.parse(Buffer.from(own, 'base64url').toString()) as unknown[];
      const bad = [
        'x',
        '%00',
        'e30',
        'W10',
        path.endsWith('/rooms') ? ofQueue : ofRooms,
        forged(list[0]),
        forged(...list, 1),
        forged(list[0], ...list.slice(1).map(() => null)),
        forged(list[0], ...list.slice(1).map((one) => (typeof one === 'number' ? 1.5 : 7))),
        forged(list[0], ...list.slice(1).map((one) => (typeof one === 'number' ? Number.MAX_VALUE : 'a\0b'))),
        forged(list[0], ...list.slice(1).map((one) => (typeof one === 'number' ? one : '\ud800'))).concat('!'),
        `${own}=`,
      ];
      for (const after of bad) {
        const answer = await get(`${path}${path.includes('?') ? '&' : '?'}after=${after}`);
        expect(answer, `${path} ${after}`).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
        expect(String(answer.body['message'])).toContain('after');
      }
      expect((await get(`${path}${path.includes('?') ? '&' : '?'}after=${own}`)).status, path).toBe(200);
    }
    for (const path of ['/rooms?limit=0', '/rooms?limit=501', '/rooms?limit=x', '/rooms?more=1'])
      expect((await as(ann)(path)).status, path).toBe(400);
    for (const path of ['/conversations?limit=0', '/conversations?limit=201']) expect((await as(max)(path)).status, path).toBe(400);
  });
});
