import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokenHash } from '#libs/auth/revocations.ts';
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
const unsigned = (claims: object) =>
  [{ alg: 'HS256' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');

describe('services', () => {
  it('[A11] need their key; a token of a person is none', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    for (const [method, path, body] of [
      ['POST', '/push', { to: { all: true }, type: 'inform', body: 1 }],
      ['POST', '/publish', { room: 'park', text: 'x' }],
      ['POST', '/disconnect', { user: 'ann' }],
      ['POST', '/revoke', { user: 'ann' }],
      ['POST', '/ban', { user: 'ann', seconds: 5 }],
      ['DELETE', '/ban/ann', undefined],
      ['GET', '/users/ann/status', undefined],
      ['POST', '/batch', { commands: [] }],
    ] as const) {
      expect((await api.call(method, path, undefined, body)).body.code, path).toBe('MISSING_TOKEN');
      expect((await api.call(method, path, ann, body)).status, path).toBe(401);
    }
  });

  it('[A11] push to a user, a room, a session, and to everybody', async () => {
    const stage = await RoomStage.start(redis.url);
    await stage.arrive(ann, bob);
    await stage.listenToAll();
    await stage.listenTo('den');
    const api = await stage.api();
    const push = (to: object, more: object = {}) => api.call('POST', '/push', 'service', { to, type: 'inform', body: { n: 1 }, ...more });
    const session = randomUUID();
    expect(await push({ user: 'ann' }, { type: 'command', code: 'reload' })).toEqual({ status: 202, body: {} });
    expect((await push({ room: 'den' })).status).toBe(202);
    expect((await push({ session }, { body: 'hello' })).status).toBe(202);
    expect((await push({ all: true }, { body: null })).status).toBe(202);
    await until(() => stage.heard('').length === 2 && stage.heard('r:den').length === 1, { timeoutMs: 20_000 });
    await stage.settled(ann, bob);
    expect(stage.frames(ann, 'command')).toEqual([{ type: 'command', code: 'reload', body: { n: 1 } }]);
    expect(stage.heard('r:den')).toEqual(['~i{"type":"inform","body":{"n":1}}']);
    expect(stage.heard('')).toEqual([`~s${session} {"type":"inform","body":"hello"}`, '{"type":"inform","body":null}']);
    expect(stage.heard(bob).filter((payload) => !payload.startsWith('~mark'))).toEqual([]);
  });

  it('[A11] push to the members of a private room, over their own channels', async () => {
    const stage = await RoomStage.start(redis.url);
    await stage.arrive(ann, bob);
    const api = await stage.api();
    await api.call('POST', '/rooms/match', bob);
    const { room } = (await api.call('POST', '/rooms/match', ann)).body;
    await api.call('POST', '/push', 'service', { to: { room }, type: 'inform', body: 'hi' });
    await stage.settled(ann, bob);
    for (const who of [ann, bob]) expect(stage.frames(who, 'inform')).toEqual([{ type: 'inform', body: 'hi' }]);
    await api.call('DELETE', `/rooms/${room}`, ann);
    for (const [name, code] of [
      [room, 'ROOM_CLOSED'],
      ['group:AAAAAAAAAAAAAAAAAAAAAA', 'ROOM_NOT_FOUND'],
    ]) {
      expect((await api.call('POST', '/push', 'service', { to: { room: name }, type: 'inform', body: 1 })).body.code).toBe(code);
      expect((await api.call('POST', '/publish', 'service', { room: name, text: 'x' })).body.code).toBe(code);
    }
  });

  it('[A11] refuse what is not right, and say where', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    const refused: [string, object, string][] = [
      ['/push', { to: { all: false }, type: 'inform', body: 1 }, 'INVALID_REQUEST'],
      ['/push', { to: { user: 'a', room: 'b' }, type: 'inform', body: 1 }, 'INVALID_REQUEST'],
      ['/push', { to: { session: 'x' }, type: 'inform', body: 1 }, 'INVALID_REQUEST'],
      ['/push', { to: { user: 'a b' }, type: 'inform', body: 1 }, 'INVALID_REQUEST'],
      ['/push', { to: { user: 'a' }, type: 'kicked', body: 1 }, 'INVALID_REQUEST'],
      ['/push', { to: { user: 'a' }, type: 'inform' }, 'INVALID_REQUEST'],
      ['/push', { to: { user: 'a' }, type: 'inform', body: 'x'.repeat(16_383) }, 'TOO_LARGE'],
      ['/publish', { room: 'a b', text: 'x' }, 'INVALID_REQUEST'],
      ['/publish', { room: 'park', text: '' }, 'INVALID_REQUEST'],
      ['/publish', { room: 'park', text: 'x'.repeat(201) }, 'MESSAGE_TOO_LONG'],
      ['/publish', { room: 'park', text: 'x', as: { id: 'a', name: 'a\u0000' } }, 'INVALID_REQUEST'],
      ['/publish', { room: 'park', text: 'x', data: 'x'.repeat(16_383) }, 'TOO_LARGE'],
      ['/disconnect', { user: 'a', reason: 7 }, 'INVALID_REQUEST'],
      ['/revoke', {}, 'INVALID_REQUEST'],
      ['/revoke', { user: 'a', token: 'b' }, 'INVALID_REQUEST'],
      ['/revoke', { token: 'none' }, 'INVALID_REQUEST'],
      ['/ban', { user: 'a' }, 'INVALID_REQUEST'],
      ['/ban', { user: 'a', seconds: 0 }, 'INVALID_REQUEST'],
      ['/ban', { user: 'a', seconds: 1, reason: 'x'.repeat(101) }, 'INVALID_REQUEST'],
      ['/ban', { user: 'a', seconds: 1, reason: '\u0000' }, 'INVALID_REQUEST'],
    ];
    for (const [path, body, code] of refused) {
      expect((await api.call('POST', path, 'service', body)).body.code, `${path} ${JSON.stringify(body).slice(0, 80)}`).toBe(code);
    }
    expect((await api.call('POST', '/push', 'service', { to: { user: 'a' }, type: 'inform', body: 'x'.repeat(16_382) })).status).toBe(202);
    const where = await api.call('POST', '/ban', 'service', { user: 'a', seconds: '5' });
    expect(where.body.details[0].path).toBe('/seconds');
  });

  it('[A11] publish as themselves or as somebody, and [M2] once for each id', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    const other = await stage.api();
    const first = await api.call('POST', '/publish', 'service', { room: 'park', text: 'sale', data: { pct: 5 }, id: 'sale-1' });
    expect(first).toEqual({ status: 200, body: { id: expect.stringMatching(/^[\w-]{22}$/), offset: 1, at: expect.any(Number) } });
    expect(await other.call('POST', '/publish', 'service', { room: 'park', text: 'sale', data: { pct: 5 }, id: 'sale-1' })).toEqual(first);
    const as = { id: 'ann', name: 'Ann' };
    expect((await api.call('POST', '/publish', 'service', { room: 'park', text: 'hello', as })).body.offset).toBe(2);
    const { messages } = (await api.call('GET', '/rooms/park/messages', ann)).body;
    expect(messages).toMatchObject([
      { offset: 1, message: { from: { id: 'service:shop', name: 'shop' }, text: 'sale', data: { pct: 5 } } },
      { offset: 2, message: { from: as, text: 'hello' } },
    ]);
    expect((await api.call('POST', '/publish', 'service', { room: 'live:x', text: 'tick' })).body.offset).toBeUndefined();
    expect((await api.call('POST', '/publish', 'service', { room: 'den', text: 'tick' })).body.offset).toBe(1);
  });

  it('[A11] publish to a pair reaches both of it', async () => {
    const stage = await RoomStage.start(redis.url);
    await stage.arrive(ann, bob);
    const api = await stage.api();
    await api.call('POST', '/rooms/match', bob);
    const { room } = (await api.call('POST', '/rooms/match', ann)).body;
    expect((await api.call('POST', '/publish', 'service', { room, text: 'be kind' })).status).toBe(200);
    await until(() => [ann, bob].every((who) => stage.heard(who).some((payload) => payload.includes('be kind'))), { timeoutMs: 20_000 });
  });

  it('[A11] disconnect, revoke and ban stand in the log that every node follows', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    const { mark } = await stage.store.revocations.since(undefined, Date.now());
    const exp = Math.floor(Date.now() / 1000) + 500;
    const token = `${unsigned({ sub: 'ann', exp })}.c2ln`;
    for (const [path, body] of [
      ['/disconnect', { user: 'ann', reason: 'maintenance' }],
      ['/revoke', { token }],
      ['/revoke', { user: 'bob' }],
      ['/ban', { user: 'bob', seconds: 100, reason: 'spam' }],
    ] as const) {
      expect(await api.call('POST', path, 'service', body)).toEqual({ status: 202, body: {} });
    }
    expect((await api.call('DELETE', '/ban/bob', 'service')).status).toBe(202);
    const { entries } = await stage.store.revocations.since(mark, Date.now());
    expect(entries.map(({ kind, subject, reason }) => [kind, subject, reason])).toEqual([
      ['disconnect', 'ann', 'maintenance'],
      ['token', tokenHash(token), ''],
      ['user', 'bob', ''],
      ['ban', 'bob', 'spam'],
      ['unban', 'bob', ''],
    ]);
    const [, revoked, , ban, unban] = entries;
    expect(revoked?.until).toBeGreaterThanOrEqual(exp * 1000);
    expect((ban?.until ?? 0) - (ban?.at ?? 0)).toBe(100_000);
    expect(unban?.until).toBeGreaterThan(ban?.until ?? 0);
  });

  it('[A11] revoking a user ends the logins that would give new tokens', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    const { logins } = stage.store;
    const family = { id: randomUUID(), userId: 'ann', name: 'Ann', kind: 'user', expiresAt: Date.now() + 100_000 };
    await logins.openFamily(family, 'one');
    await api.call('POST', '/revoke', 'service', { user: 'ann' });
    expect(await logins.activeLogin(family.id, Date.now())).toBeUndefined();
  });

  it('[A11] tell whether a user is here', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    expect((await api.call('GET', '/users/ann/status', 'service')).body).toEqual({ online: false, sessions: 0, lastSeen: null });
    await stage.arrive(ann);
    expect((await api.call('GET', '/users/ann/status', 'service')).body).toEqual({
      online: true,
      sessions: 1,
      lastSeen: expect.any(Number),
    });
    await stage.depart(ann);
    expect((await api.call('GET', '/users/ann/status', 'service')).body).toMatchObject({ online: false, sessions: 0 });
    expect((await api.call('GET', '/users/a%20b/status', 'service')).status).toBe(400);
  });
});

describe('batches', () => {
  it('[A11] a bad command stops no other, and each has its own result in its place', async () => {
    const stage = await RoomStage.start(redis.url);
    await stage.arrive(ann);
    const api = await stage.api();
    const commands = [
      { command: 'publish', room: 'park', text: 'one' },
      { command: 'publish', room: 'park', text: '' },
      7,
      { command: 'explode' },
      { command: '__proto__' },
      { command: 'push', to: { user: 'ann' }, type: 'inform', body: 1 },
      { command: 'push', to: { user: 'ann' }, type: 'inform', body: 1, extra: true },
      { command: 'ban', user: 'bob', seconds: 5 },
      { command: 'unban', user: 'bob' },
      { command: 'revoke', user: 'bob' },
      { command: 'disconnect', user: 'bob' },
      { command: 'publish', room: 'park', text: 'two' },
    ];
    const { mark } = await stage.store.revocations.since(undefined, Date.now());
    const { status, body } = await api.call('POST', '/batch', 'service', { commands });
    expect(status).toBe(200);
    const codes = body.results.map((result: { ok: boolean; error?: { code: string } }) => (result.ok ? 'ok' : result.error?.code));
    const bad = 'INVALID_REQUEST';
    expect(codes).toEqual(['ok', bad, bad, bad, bad, 'ok', bad, 'ok', 'ok', 'ok', 'ok', 'ok']);
    expect(body.results[0].result.offset).toBe(1);
    expect(body.results[11].result.offset).toBe(2);
    expect(body.results[6].error.message).toContain('additional');
    await stage.settled(ann);
    expect(stage.frames(ann, 'inform')).toHaveLength(1);
    const kinds = (await stage.store.revocations.since(mark, Date.now())).entries.map(({ kind }) => kind);
    expect(kinds).toEqual(['ban', 'unban', 'user', 'disconnect']);
  });

  it('[A11] takes a thousand, and keeps the order within a room', { timeout: 120_000 }, async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    const commands = Array.from({ length: 1000 }, (_, n) => ({ command: 'publish', room: `den-${n % 5}`, text: String(n) }));
    const { body } = await api.call('POST', '/batch', 'service', { commands });
    expect(body.results).toHaveLength(1000);
    for (const [n, { ok, result }] of body.results.entries()) expect([ok, result.offset]).toEqual([true, Math.floor(n / 5) + 1]);
    expect((await api.call('POST', '/batch', 'service', { commands: [...commands, commands[0]] })).status).toBe(400);
    expect((await api.call('POST', '/batch', 'service', { commands: [] })).status).toBe(400);
  });
});
