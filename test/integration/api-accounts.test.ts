import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AGENT_PASSWORD, addAgents } from '#test/support/agents.ts';
import type { ApiInstance, JsonAnswer } from '#test/support/api-instance.ts';
import { ApiPair } from '#test/support/api-pair.ts';
import type { PostgresDatabase } from '#test/support/postgres.ts';
import { dumpRedis } from '#test/support/redis-dump.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { stopwatch } from '#test/support/steady-clock.ts';

let pair: ApiPair;
let database: PostgresDatabase;
let redis: RedisServer;
let one: ApiInstance;
let two: ApiInstance;

beforeAll(async () => {
  pair = await ApiPair.start();
  ({ database, redis, one, two } = pair);
});
afterAll(() => pair?.stop());

const either = (n: number): ApiInstance => pair.either(n);
const statuses = (answers: readonly JsonAnswer[]): Record<number, number> => {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

describe('two instances of the API over one database', () => {
  it('[A1] [A2] [A3] a code of one is good on the other; known and unknown accounts get the same', async () => {
    const code = await one.code('Zoe@Example.org');
    const verified = await two.post('/auth/verify', { account: 'zoe@EXAMPLE.org', code });
    expect(verified.status).toBe(200);
    const registered = await one.post('/auth/register', { registration: verified.body['registration'], name: 'Zoë' });
    expect(registered.status).toBe(201);
    expect(await two.credentials(registered.body['token'])).toMatchObject({ name: 'Zoë', kind: 'user' });
    const answers = [await one.post('/auth/code', { account: 'ZOË' }), await one.post('/auth/code', { account: 'nobody@example.org' })];
    for (const { status, body } of answers) expect([status, body]).toEqual([202, { attempt: expect.stringMatching(/^[\w-]{43}$/) }]);
    const byName = await two.post('/auth/verify', { account: 'zoë', code: one.mails.at(-2)?.code });
    expect([byName.status, byName.body['user']]).toEqual([200, registered.body['user']]);
  });

  it('[A2] 50 correct codes at once make one login', async () => {
    await one.member('Fifty', 'fifty@example.org');
    const code = await two.code('fifty@example.org');
    const before = await database.query('SELECT count(*)::int AS n FROM login_families');
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => either(n).post('/auth/verify', { account: 'fifty@example.org', code })),
    );
    expect(statuses(answers)).toEqual({ 200: 1, 401: 49 });
    const after = await database.query('SELECT count(*)::int AS n FROM login_families');
    expect(Number(after[0]?.['n']) - Number(before[0]?.['n'])).toBe(1);
  });

  it('[A2] five wrong tries burn a code, wherever and whenever they come', async () => {
    await one.member('Burnt', 'burnt@example.org');
    const code = await one.code('burnt@example.org');
    const wrong = await Promise.all(
      Array.from({ length: 5 }, (_, n) => either(n).post('/auth/verify', { account: 'burnt@example.org', code: `wrong${n}` })),
    );
    expect(statuses(wrong)).toEqual({ 401: 5 });
    expect((await two.post('/auth/verify', { account: 'burnt@example.org', code })).status).toBe(401);
  });

  it('[A3] a name asked for 20 times at once, in any case, belongs to one', async () => {
    const tickets = await Promise.all(Array.from({ length: 20 }, (_, n) => either(n).ticket(`racer${n}@example.org`)));
    const answers = await Promise.all(
      tickets.map((registration, n) => either(n).post('/auth/register', { registration, name: n % 3 === 0 ? 'RACER' : 'Racer' })),
    );
    expect(statuses(answers)).toEqual({ 201: 1, 409: 19 });
    expect(answers.find(({ status }) => status === 409)?.body['code']).toBe('NAME_TAKEN');
  });

  it('[A3] one address registered at once under several names has one account', async () => {
    const tickets = [await one.ticket('twice@example.org'), await two.ticket('twice@example.org')];
    const answers = await Promise.all(
      tickets.map((registration, n) => either(n).post('/auth/register', { registration, name: `Twice${n}` })),
    );
    expect(statuses(answers)).toEqual({ 201: 1, 401: 1 });
  });

  it('[A4] a refresh secret used many times at once on both instances gets one next secret', async () => {
    const { refresh } = await one.member('Replay', 'replay@example.org');
    const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => either(n).post('/auth/refresh', { refresh: String(refresh) })));
    expect(statuses(answers)).toEqual({ 200: 8 });
    const [next, ...others] = new Set(answers.map(({ body }) => body['refresh']));
    expect(others).toEqual([]);
    for (const { body } of answers.slice(0, 2)) expect(await one.verdict(body['token'])).toBe('good');
    expect((await one.post('/auth/refresh', { refresh: String(next) })).status).toBe(200);
  });

  it('[A4] a copied refresh secret that is out of use ends the login on both instances', async () => {
    const first = await one.member('Copied', 'copied@example.org');
    let next = first;
    for (let n = 0; n < 3; n++) next = (await either(n).post('/auth/refresh', { refresh: String(next['refresh']) })).body;
    const { login } = await one.credentials(first['token']);
    await database.query('UPDATE login_families SET earlier = $2 WHERE id = $1', [login, '[]']);
    expect((await two.post('/auth/refresh', { refresh: String(first['refresh']) })).status).toBe(401);
    expect((await one.post('/auth/refresh', { refresh: String(next['refresh']) })).status).toBe(401);
    await expect.poll(() => one.verdict(next['token']), { timeout: 30_000 }).toBe('TOKEN_EXPIRED');
  });

  it('[A4] logging out on one instance revokes the tokens of the login on the other, and only those', async () => {
    const first = await one.member('Leaver', 'leaver@example.org');
    const next = (await one.post('/auth/refresh', { refresh: String(first['refresh']) })).body;
    const other = (await two.post('/auth/verify', { account: 'leaver@example.org', code: await two.code('leaver@example.org') })).body;
    const spent = stopwatch();
    expect((await one.post('/auth/logout', {}, { authorization: `Bearer ${String(next['token'])}` })).status).toBe(204);
    await expect.poll(() => two.verdict(next['token']), { timeout: 30_000, interval: 20 }).toBe('TOKEN_EXPIRED');
    expect(spent()).toBeLessThan(8000);
    expect(await two.verdict(first['token'])).toBe('TOKEN_EXPIRED');
    expect(await two.verdict(other['token'])).toBe('good');
    const { login } = await two.credentials(other['token']);
    expect(two.sanctions.filter(({ kind, reason }) => kind === 'login' && reason === 'logout').map(({ subject }) => subject)).toHaveLength(
      1,
    );
    expect(two.sanctions.some(({ subject }) => subject === login)).toBe(false);
  });

  it('[A5] a customer comes back on another instance, with the secret only', async () => {
    const created = await one.post('/customers', { name: 'Cleo', channel: 'shop', metadata: { plan: 'gold' } });
    expect(created.status).toBe(201);
    const body = { customerId: created.body['id'], channel: 'shop' };
    expect((await two.post('/customers/token', body)).status).toBe(401);
    const back = await two.post('/customers/token', { ...body, refresh: created.body['refresh'] });
    expect([back.status, back.body['user']]).toEqual([200, created.body['user']]);
  });

  it('[A4] [A5] a customer comes back by a cookie of their own, which no login of the browser gets in the way of', async () => {
    const jar = (answer: JsonAnswer): string => /parley_(?:refresh|customer)=[^;]*/.exec(String(answer.headers['set-cookie']))?.[0] ?? '';
    const [guest, customer] = [await one.post('/guests', { name: 'Gil' }), await one.post('/customers', { name: 'Cid', channel: 'shop' })];
    expect(customer.headers['set-cookie']).toEqual([
      expect.stringMatching(/^parley_visitor=.*; HttpOnly; Secure; Partitioned; SameSite=None$/),
      expect.stringMatching(/^parley_customer=.*; Path=\/api\/v1; HttpOnly; Secure; Partitioned; SameSite=None$/),
      expect.stringMatching(/^parley_customer_in=1; .*Path=\/; Secure; Partitioned; SameSite=None$/),
    ]);
    const body = { customerId: customer.body['id'], channel: 'shop' };
    const cookie = `${jar(guest)}; ${jar(customer)}`;
    const back = await two.post('/customers/token', body, { cookie });
    expect([back.status, back.body['user']]).toEqual([200, customer.body['user']]);
    // Used for another channel, a secret is used up: it ends the customer's login, and the guest's goes on.
    expect((await one.post('/customers/token', { ...body, channel: 'other' }, { cookie })).status).toBe(401);
    expect((await one.post('/customers/token', body, { cookie: jar(back) })).status).toBe(401);
    expect((await two.post('/auth/refresh', {}, { cookie })).body['user']).toEqual(guest.body['user']);
  });

  it('[A4] [A6] an agent comes back by a cookie of their own, beside somebody who uses the chat in the same browser', async () => {
    const jar = (answer: JsonAnswer): string => /parley_(?:refresh|agent)=[^;]*/.exec(String(answer.headers['set-cookie']))?.[0] ?? '';
    await addAgents(database.url, 'Max of Cookies');
    const guest = await one.post('/guests', { name: 'Gil' });
    const agent = await one.post('/public/login', { username: 'Max of Cookies', password: AGENT_PASSWORD });
    expect(String(agent.headers['set-cookie'])).toMatch(
      /,parley_agent=[^;]+; Max-Age=\d+; Path=\/api\/v1; HttpOnly; SameSite=Strict,parley_agent_in=1; /,
    );
    const cookie = `${jar(guest)}; ${jar(agent)}`;
    const next = await two.post('/auth/refresh', { kind: 'agent' }, { cookie });
    expect([next.status, next.body['user']]).toEqual([200, agent.body['user']]);
    const still = await two.post('/auth/refresh', {}, { cookie });
    expect([still.status, still.body['user']]).toEqual([200, guest.body['user']]);
    const both = `${jar(still)}; ${jar(next)}`;
    expect((await one.post('/auth/refresh', { kind: 'agent' }, { cookie: jar(still) })).status).toBe(401);
    expect((await one.post('/auth/refresh', { kind: 'user' }, { cookie: jar(next) })).status).toBe(401);
    expect((await one.post('/auth/refresh', { kind: 'customer' }, { cookie: both })).status).toBe(400);
    // Who has one login only need not say which.
    const alone = await two.post('/auth/refresh', {}, { cookie: jar(next) });
    expect([alone.status, alone.body['user']]).toEqual([200, agent.body['user']]);
    // The agent goes, by the cookie alone; the guest stays.
    const after = `${jar(still)}; ${jar(alone)}`;
    const gone = await one.post('/auth/logout', { kind: 'agent' }, { cookie: after });
    expect([gone.status, String(gone.headers['set-cookie'])]).toEqual([204, expect.stringMatching(/^parley_agent=;/)]);
    expect((await one.post('/auth/refresh', { kind: 'agent' }, { cookie: after })).status).toBe(401);
    expect((await one.post('/auth/refresh', {}, { cookie: after })).body['user']).toEqual(guest.body['user']);
  });

  it('[A1] nothing of it can be read in Redis, in the log, nor a code or secret in the database', async () => {
    const account = 'secretive@example.org';
    const { refresh } = await one.member('Secretive', account);
    const code = await one.code(account);
    const inRedis = await dumpRedis(redis.port);
    expect(inRedis).toMatch(/:limit:codePerAccount\b/);
    expect(inRedis.toLowerCase()).not.toMatch(/secretive|example\.org|127\.0\.0\.1/);
    expect(inRedis).not.toContain(code);
    const tables = await database.query(
      `SELECT (SELECT json_agg(c) FROM login_attempts c)::text || (SELECT json_agg(f) FROM login_families f)::text || coalesce((SELECT json_agg(t) FROM login_tickets t)::text, '') AS everything`,
    );
    const everything = String(tables[0]?.['everything']);
    expect(everything).toContain(account);
    expect(everything).not.toContain(code);
    expect(everything).not.toContain(String(refresh).split('.')[1]);
    expect([...one.logged, ...two.logged].join('\n')).not.toMatch(/secretive|@example/);
  });
});
