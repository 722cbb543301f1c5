import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { HubError } from '#libs/protocol/errors.ts';
import type { Limits } from '#services/api/rate-limits.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { type Answer, bearer, RoomStage, type StageApi, type StagePerson } from '#test/support/room-stage.ts';
import { until } from '#test/support/wait.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.stop());

const [ann, bob] = [bearer('ann'), bearer('bob')];
const [zoe, yan] = [bearer('zoe', 'customer'), bearer('yan', 'customer')];
const group = { name: 'x', kind: 'group' };
const newcomer = { name: 'Cid', channel: 'shop' };

const keyed = (key: string, from = '127.0.0.1') => ({ 'idempotency-key': key, 'x-forwarded-for': from });
const post = (
  api: StageApi,
  path: string,
  who: StagePerson | 'service' | undefined,
  body: object,
  key: string,
  from?: string,
): Promise<Answer> => api.call('POST', path, who, body, keyed(key, from));

describe('a request with an Idempotency-Key', { timeout: 60_000 }, () => {
  it('[A15] is done once, however often it comes at once to several instances, and has one answer', async () => {
    const stage = await RoomStage.start(redis.url);
    const apis = [await stage.api(), await stage.api()] as const;
    const key = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        post(apis[n % 2 === 0 ? 0 : 1], '/rooms', ann, n % 3 === 0 ? group : { kind: 'group', name: 'x' }, key),
      ),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]?.status).toBe(201);
    expect(await post(apis[1], '/rooms', ann, { ...group, name: 'y' }, key)).toMatchObject({ status: 409, body: { code: 'KEY_REUSED' } });
    // Of another user, another key, none, another route: others.
    const others = [
      await post(apis[0], '/rooms', bob, group, key),
      await post(apis[0], '/rooms', ann, group, randomUUID()),
      await apis[0].call('POST', '/rooms', ann, group),
      await apis[0].call('POST', '/rooms', ann, group),
    ];
    expect(new Set([...others, answers[0]].map((answer) => answer?.body.room)).size).toBe(5);
    // A refusal makes nothing: the key is free.
    const unknown = { ...group, members: ['nobody'] };
    for (const api of apis) expect((await post(api, '/rooms', ann, unknown, 'k')).status).toBe(404);
    expect((await post(apis[1], '/rooms', ann, group, 'k')).status).toBe(201);
    stage.ahead += 86_400_000;
    expect((await post(apis[0], '/rooms', ann, group, key)).body.room).not.toBe(answers[0]?.body.room);
  });

  it('[A15] has a key of 1-64 printable characters', async () => {
    const stage = await RoomStage.start(redis.url);
    const api = await stage.api();
    for (const key of ['x'.repeat(65), 'x'.repeat(200)])
      expect(await post(api, '/rooms', ann, group, key), key).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
    for (const key of ['x', 'x'.repeat(64), '"a b~!"']) {
      const { body } = await post(api, '/rooms', ann, group, key);
      expect((await post(api, '/rooms', ann, group, key)).body.room, key).toBe(body.room);
    }
  });

  it('[A15] makes one customer, with one secret, for the address that asked; nobody else gets it, and the database cannot read it', async () => {
    const stage = await RoomStage.start(redis.url);
    const proxied = { trustedProxyHops: 1 };
    const [one, two] = [await stage.api(proxied), await stage.api(proxied)];
    const answers = await Promise.all([one, two, one].map((api) => post(api, '/customers', undefined, newcomer, 'k')));
    expect(new Set(answers.map(({ body }) => `${body.id} ${body.refresh}`)).size).toBe(1);
    expect(new Set(answers.map(({ cookies }) => cookies?.join())).size).toBe(1);
    expect(answers[0]?.cookies?.join()).toContain(`parley_customer=${answers[0]?.body.refresh}`);
    const stranger = await post(two, '/customers', undefined, newcomer, 'k', '192.0.2.1');
    expect(stranger.status).toBe(201);
    expect(stranger.body.id).not.toBe(answers[0]?.body.id);
    expect((await stage.database.query('SELECT count(*)::int AS n FROM customers'))[0]).toEqual({ n: 2 });
    const kept = JSON.stringify(await stage.database.query('SELECT * FROM idempotent_answers'));
    expect(kept).not.toContain(answers[0]?.body.refresh);
    expect(kept).not.toMatch(/Cid|127\.0\.0\.1|192\.0\.2\.1/);
  });

  it('[A15] waits for the one under way, then says so; what failed is free again', async () => {
    const stage = await RoomStage.start(redis.url);
    const held = Promise.withResolvers<number>();
    const begun = Promise.withResolvers<void>();
    const take: Limits['take'] = () => {
      begun.resolve();
      return held.promise;
    };
    const [slow, api] = [await stage.api({ limits: { take } }), await stage.api()];
    const first = post(slow, '/rooms', ann, group, 'k');
    await begun.promise;
    expect(await post(api, '/rooms', ann, group, 'k')).toMatchObject({ status: 409, body: { code: 'KEY_IN_USE' } });
    const waiting = post(api, '/rooms', ann, group, 'k');
    held.resolve(0);
    expect([(await first).status, await waiting]).toEqual([201, await first]);

    const outcomes: (() => Promise<number>)[] = [
      () => Promise.reject(new HubError('UNAVAILABLE')),
      () => Promise.reject(new Error('broken')),
      async () => 7,
      async () => 0,
    ];
    const failing = await stage.api({ limits: { take: () => outcomes.shift()?.() ?? Promise.resolve(0) } });
    const statuses: number[] = [];
    for (let n = 0; n < 5; n++) statuses.push((await post(failing, '/rooms', bob, group, 'k')).status);
    expect(statuses).toEqual([503, 500, 429, 201, 201]);
  });

  it('[A15] makes somebody else a day later, and the same one after a failure', async () => {
    const stage = await RoomStage.start(redis.url);
    let broken = true;
    const { logins } = stage.store;
    const openFamily: typeof logins.openFamily = (...args) => {
      if (broken) throw new HubError('UNAVAILABLE');
      return logins.openFamily(...args);
    };
    const store = {
      ...stage.store,
      logins: new Proxy(logins, {
        get: (of, name) => (name === 'openFamily' ? openFamily : (of[name as keyof typeof of] as (...all: unknown[]) => unknown).bind(of)),
      }),
    };
    const api = await stage.api({ store });
    const person = async (path: string, body: object): Promise<string> => {
      const { status, body: answer } = await post(api, path, undefined, body, 'k');
      expect(status).toBe(201);
      return answer.user.id;
    };
    expect((await post(api, '/customers', undefined, newcomer, 'k')).status).toBe(503);
    broken = false;
    const first = [await person('/customers', newcomer), await person('/guests', { name: 'Gus' })];
    expect(await stage.database.query('SELECT id FROM customers')).toEqual([{ id: first[0] }]);
    stage.ahead += 86_400_000;
    const later = [await person('/customers', newcomer), await person('/guests', { name: 'Gus' })];
    expect(new Set([...first, ...later]).size).toBe(4);
  });

  it('[A15] writes nothing for a refusal without a token, and nothing at all beyond a limit of the address', async () => {
    const stage = await RoomStage.start(redis.url);
    const shut = await stage.api({ allowGuests: false, allowCustomers: false });
    const refusals = [
      ['/guests', { name: 'Gus' }, 403],
      ['/customers', newcomer, 403],
      ['/auth/code', { account: ' ' }, 400],
      ['/auth/register', { registration: 'x', name: '' }, 400],
      ['/auth/register', { registration: 'x', name: 'Gus' }, 401],
    ] as const;
    for (const [path, body, status] of refusals) expect((await post(shut, path, undefined, body, randomUUID())).status, path).toBe(status);
    const limited = await stage.api({
      limits: { take: async (limit) => (limit === 'keysPerAddress' ? 7 : 0) },
    });
    expect((await post(limited, '/guests', undefined, { name: 'Gus' }, 'k')).status).toBe(429);
    expect(await stage.database.query('SELECT 1 FROM idempotent_answers')).toEqual([]);
    // Who has a token has limits of their own.
    expect((await post(limited, '/rooms', ann, group, 'k')).status).toBe(201);
  });

  it('[A15] is done once, however long it takes', async () => {
    const stage = await RoomStage.start(redis.url);
    const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<number>()];
    const take = (): Promise<number> => {
      begun.resolve();
      return held.promise;
    };
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const [slow, api] = [await stage.api({ limits: { take } }), await stage.api()];
    const first = post(slow, '/rooms', ann, group, 'k');
    await begun.promise;
    // As after half a minute, in which it was renewed.
    await stage.database.query('UPDATE idempotent_answers SET claimed_at = claimed_at - 40000');
    vi.advanceTimersByTime(10_000);
    await until(
      async () => (await stage.database.query('SELECT 1 FROM idempotent_answers WHERE claimed_at > $1', [Date.now() - 20_000])).length > 0,
    );
    // Another node's clock is ahead: the database's counts.
    stage.ahead += 60_000;
    expect(await post(api, '/rooms', ann, group, 'k')).toMatchObject({ status: 409, body: { code: 'KEY_IN_USE' } });
    held.resolve(0);
    expect((await first).status).toBe(201);
    expect(await post(api, '/rooms', ann, group, 'k')).toEqual(await first);
  });

  it('[A15] whose process died is done anew after 30 s, and makes the same customer', async () => {
    const stage = await RoomStage.start(redis.url);
    const { answers } = stage.store;
    const lost = {
      ...stage.store,
      answers: {
        ...answers,
        claim: answers.claim.bind(answers),
        renew: answers.renew.bind(answers),
        release: answers.release.bind(answers),
        drop: answers.drop.bind(answers),
        keep: () => Promise.reject(new HubError('UNAVAILABLE')),
      },
    };
    const [dying, api] = [await stage.api({ store: lost }), await stage.api()];
    const first = await post(dying, '/customers', undefined, newcomer, 'k');
    expect(first.status).toBe(201);
    await stage.database.query('UPDATE idempotent_answers SET claimed_at = claimed_at - 31000');
    const again = await post(api, '/customers', undefined, newcomer, 'k');
    expect([again.status, again.body.id]).toEqual([201, first.body.id]);
    expect(await post(api, '/customers', undefined, newcomer, 'k')).toEqual(again);
  });
});

describe('conversations of a customer', { timeout: 60_000 }, () => {
  it('[A10] are one, however many are asked for at once; further ones are up to three', async () => {
    const stage = await RoomStage.start(redis.url);
    const apis = [await stage.api(), await stage.api()] as const;
    const open = (n: number, body = {}, who = zoe) => apis[n % 2 === 0 ? 0 : 1].call('POST', '/conversations', who, body);
    const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => open(n, { subject: `s${n}` })));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(7);
    expect(new Set(answers.map(({ body }) => `${body.room} ${body.subject}`)).size).toBe(1);
    expect((await open(1, {}, yan)).status).toBe(201);
    const further = await Promise.all(Array.from({ length: 6 }, (_, n) => open(n, { new: true })));
    expect(further.map(({ status }) => status).toSorted()).toEqual([201, 201, 409, 409, 409, 409]);
    expect(further.find(({ status }) => status === 409)?.body.code).toBe('ROOM_LIMIT');
    const newest = await open(0);
    expect(further.map(({ body }) => body.room)).toContain(newest.body.room);
    await apis[0].call('POST', `/conversations/${newest.body.room}/close`, zoe);
    expect((await open(1, { new: true })).status).toBe(201);
    // One key, one further conversation.
    await apis[0].call('POST', `/conversations/${answers[0]?.body.room}/close`, zoe);
    const twice = await Promise.all([0, 1].map((n) => post(apis[n === 0 ? 0 : 1], '/conversations', zoe, { new: true }, 'k')));
    expect(twice.map(({ status }) => status)).toEqual([201, 201]);
    expect(twice[0]?.body.room).toBe(twice[1]?.body.room);
  });
});
