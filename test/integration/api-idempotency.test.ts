import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HubError } from '#libs/protocol/errors.ts';
import type { Limits } from '#services/api/limits.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { type Answer, type Bearer, bearer, RoomStage, type StageApi } from '#test/support/room-stage.ts';

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
  who: Bearer | 'service' | undefined,
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
    // A refusal is an answer as well.
    const unknown = { ...group, members: ['nobody'] };
    const refused = await post(apis[0], '/rooms', ann, unknown, 'k');
    expect([refused.status, await post(apis[1], '/rooms', ann, unknown, 'k')]).toEqual([404, refused]);
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
    expect(answers[0]?.cookies?.[0]).toContain(`parley_customer=${answers[0]?.body.refresh}`);
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

  it('[A15] whose process died is done anew after 30 s, and makes the same customer', async () => {
    const stage = await RoomStage.start(redis.url);
    const { answers } = stage.store;
    const lost = {
      ...stage.store,
      answers: {
        ...answers,
        claim: answers.claim.bind(answers),
        release: answers.release.bind(answers),
        keep: () => Promise.reject(new HubError('UNAVAILABLE')),
      },
    };
    const [dying, api] = [await stage.api({ store: lost }), await stage.api()];
    const first = await post(dying, '/customers', undefined, newcomer, 'k');
    expect(first.status).toBe(201);
    stage.ahead += 31_000;
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
