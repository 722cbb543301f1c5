import { describe, expect, it } from 'vitest';
import { hashPassword } from '#libs/auth/password.ts';
import type { CustomerDoor } from '#libs/config/kinds.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { ApiWorld, cookieOf, jsonOf, WORLD_NOW } from '#test/support/api-world.ts';

describe('customers', { timeout: 60_000 }, () => {
  const newcomer = { name: 'Ann', channel: 'shop.example', metadata: { plan: 'gold', visits: 3 } };

  it('[A5] come in with a name, a channel and what the agents may know', async () => {
    const world = new ApiWorld();
    const reply = await world.post('/customers', newcomer);
    expect(reply.status).toBe(201);
    const { id, token, user, expiresAt, refresh } = jsonOf(reply);
    expect(user).toEqual({ id, name: 'Ann', kind: 'customer' });
    expect(expiresAt).toBe(WORLD_NOW / 1000 + 86_400);
    expect(await world.credentials(token)).toMatchObject({ userId: id, kind: 'customer' });
    expect(world.accounts.customers).toEqual([{ id, ...newcomer }]);
    expect(cookieOf(reply, 'parley_customer')).toBe(refresh);
    expect(cookieOf(reply)).toBeUndefined();
    expect(String(reply.headers['set-cookie'])).toContain('Max-Age=31536000');
  });

  it('[A5] are let in by ALLOW_CUSTOMERS only, new ones and those who come back, by either way', async () => {
    const first = new ApiWorld();
    const came = jsonOf(await first.post('/customers', newcomer));
    const back = { customerId: came['id'], channel: newcomer.channel, refresh: came['refresh'] };
    const shut = (allowCustomers: CustomerDoor) => {
      const world = new ApiWorld({ allowCustomers, store: first.accounts.store });
      return Promise.all([world.post('/customers', newcomer), world.post('/customers/token', back)]);
    };
    for (const door of [false, [], ['other', 'shop']]) {
      for (const reply of await shut(door)) {
        expect([reply.status, jsonOf(reply)['code']]).toEqual([403, 'FORBIDDEN']);
        expect(reply.headers['set-cookie']).toBeUndefined();
      }
    }
    expect(first.accounts.customers).toHaveLength(1);
    // The secret was not touched by all that.
    expect((await shut(['other', newcomer.channel])).map(({ status }) => status)).toEqual([201, 200]);
    const again = jsonOf(await first.post('/customers', newcomer));
    const world = new ApiWorld({ allowCustomers: ['other'], store: first.accounts.store });
    expect((await world.post('/auth/refresh', { refresh: again['refresh'] })).status).toBe(403);
  });

  it('[A5] [A17] have a cookie that goes into frames on other sites, one for each site; strict where no browser would take that', async () => {
    const attributes = async (more: ConstructorParameters<typeof ApiWorld>[0], headers: Record<string, string> = {}): Promise<string> => {
      const reply = await new ApiWorld(more).post('/customers', newcomer, headers);
      const [browser = '', secret = ''] = [reply.headers['set-cookie']].flat().map((line) => String(line).replace(/^[^;]*; /, ''));
      expect(browser).toBe(secret);
      return secret;
    };
    const framed = 'Max-Age=31536000; Path=/api/v1; HttpOnly; Secure; Partitioned; SameSite=None';
    expect(await attributes({ publicUrl: 'https://chat.test' })).toBe(framed);
    expect(await attributes({ trustedProxyHops: 1 }, { 'x-forwarded-proto': 'https' })).toBe(framed);
    for (const host of ['localhost:8080', 'hub.localhost', '127.0.0.1:8080', '[::1]:8080'])
      expect(await attributes({}, { host })).toBe(framed);
    const strict = 'Max-Age=31536000; Path=/api/v1; HttpOnly; SameSite=Strict';
    for (const host of ['chat.test', '127.0.0.1.evil.test', 'localhost.evil.test', '10.0.0.1'])
      expect(await attributes({}, { host })).toBe(strict);
  });

  it('[A4] [A5] do not touch the login of the same browser, nor does it touch theirs', async () => {
    const world = new ApiWorld();
    const guest = await world.post('/guests', { name: 'Ann' });
    const customer = await world.post('/customers', newcomer);
    const both = `parley_refresh=${cookieOf(guest)}; parley_customer=${cookieOf(customer, 'parley_customer')}`;
    const refreshed = await world.post('/auth/refresh', '', { cookie: both });
    expect(jsonOf(refreshed)['user']).toMatchObject({ kind: 'guest' });
    expect(cookieOf(refreshed, 'parley_customer')).toBeUndefined();
    const body = { customerId: jsonOf(customer)['id'], channel: newcomer.channel };
    const renewed = await world.post('/customers/token', body, { cookie: both });
    expect([renewed.status, cookieOf(renewed)]).toEqual([200, undefined]);
    const alone = await world.post('/customers/token', body, { cookie: `parley_refresh=${cookieOf(refreshed)}` });
    expect([alone.status, jsonOf(alone)['code']]).toEqual([401, 'MISSING_TOKEN']);

    const cookie = `parley_refresh=${cookieOf(refreshed)}; parley_customer=${cookieOf(renewed, 'parley_customer')}`;
    const left = await world.post('/auth/logout', '', { cookie, authorization: `Bearer ${String(jsonOf(renewed)['token'])}` });
    expect([left.status, cookieOf(left, 'parley_customer'), cookieOf(left)]).toEqual([204, '', undefined]);
    const ended = new Set(world.accounts.revocations.map(({ subject }) => subject));
    expect([...ended]).toEqual([(await world.credentials(jsonOf(renewed)['token'])).login]);
    expect((await world.post('/auth/refresh', '', { cookie })).status).toBe(200);
    const over = await world.post('/customers/token', body, { cookie });
    expect([over.status, cookieOf(over, 'parley_customer')]).toEqual([401, '']);
    expect(String(over.headers['set-cookie'])).not.toContain('parley_refresh');
  });

  it('[A5] come back by the cookie from pages of the hub and of named origins only, `*` names none', async () => {
    const world = new ApiWorld({ allowedOrigins: ['https://shop.test', '*'] });
    const first = await world.post('/customers', newcomer);
    const body = { customerId: jsonOf(first)['id'], channel: newcomer.channel };
    let secret = cookieOf(first, 'parley_customer');
    const come = (origin: string) => world.post('/customers/token', body, { cookie: `parley_customer=${secret}`, origin });
    for (const origin of ['https://evil.test', 'null', 'https://chat.test:8443']) expect((await come(origin)).status).toBe(403);
    for (const origin of ['https://shop.test', 'https://chat.test']) {
      const reply = await come(origin);
      expect(reply.status).toBe(200);
      secret = cookieOf(reply, 'parley_customer');
    }
  });

  it('[A5] come back with the secret, for a year', async () => {
    const world = new ApiWorld();
    const first = jsonOf(await world.post('/customers', newcomer));
    world.now += 364 * 86_400_000;
    const body = { customerId: first['id'], channel: newcomer.channel };
    const reply = await world.post('/customers/token', { ...body, refresh: first['refresh'] });
    expect(reply.status).toBe(200);
    const second = jsonOf(reply);
    expect(second['user']).toEqual(first['user']);
    const cookie = `parley_customer=${String(second['refresh'])}`;
    expect((await world.post('/customers/token', body, { cookie, origin: 'https://evil.test' })).status).toBe(403);
    expect((await world.post('/customers/token', body, { cookie })).status).toBe(200);
    // The next one of the first was used: after 30 s the first is a copy.
    world.now += 30_000;
    expect((await world.post('/customers/token', { ...body, refresh: first['refresh'] })).status).toBe(401);
    expect(world.accounts.revocations).toHaveLength(1);
  });

  it('[A5] get the same next secret again where the answer was lost, and a made-up one ends nothing', async () => {
    const world = new ApiWorld();
    const first = jsonOf(await world.post('/customers', newcomer));
    const body = { customerId: first['id'], channel: newcomer.channel };
    const made = String(first['refresh']).replace(/.{43}$/, 'x'.repeat(43));
    expect((await world.post('/customers/token', { ...body, refresh: made })).status).toBe(401);
    const lost = jsonOf(await world.post('/customers/token', { ...body, refresh: first['refresh'] }));
    const again = await world.post('/customers/token', body, { cookie: `parley_customer=${String(first['refresh'])}` });
    expect([again.status, jsonOf(again)['refresh'], cookieOf(again, 'parley_customer')]).toEqual([200, lost['refresh'], lost['refresh']]);
    expect(world.accounts.revocations).toEqual([]);
  });

  it('[A5] keep their secret where the hub cannot say who they are just then', async () => {
    const world = new ApiWorld();
    const first = jsonOf(await world.post('/customers', newcomer));
    const body = { customerId: first['id'], channel: newcomer.channel, refresh: first['refresh'] };
    const { customers } = world.accounts.store;
    const { byId } = customers;
    Object.assign(customers, { byId: () => Promise.reject(new HubError('UNAVAILABLE')) });
    expect((await world.post('/customers/token', body)).status).toBe(503);
    Object.assign(customers, { byId });
    expect((await world.post('/customers/token', body)).status).toBe(200);
  });

  it('[A5] an id alone is no proof, nor is a secret of somebody else', async () => {
    const world = new ApiWorld();
    const ann = jsonOf(await world.post('/customers', newcomer));
    const ben = jsonOf(await world.post('/customers', { ...newcomer, name: 'Ben' }));
    const guest = jsonOf(await world.post('/guests', { name: 'Cid' }));
    const body = { customerId: ann['id'], channel: newcomer.channel };
    const missing = await world.post('/customers/token', body);
    expect([missing.status, jsonOf(missing)['code']]).toEqual([401, 'MISSING_TOKEN']);
    for (const refresh of [ben['refresh'], guest['refresh'], 'x']) {
      const reply = await world.post('/customers/token', { ...body, refresh });
      expect([reply.status, jsonOf(reply)['code']]).toEqual([401, 'TOKEN_EXPIRED']);
    }
    const { login } = await world.credentials(ben['token']);
    expect(world.accounts.revocations[0]).toMatchObject({ kind: 'login', subject: login });
    expect((await world.post('/customers/token', { ...body, channel: 'other', refresh: ann['refresh'] })).status).toBe(401);
  });

  it('[A5] are refused with anything else', async () => {
    const world = new ApiWorld();
    for (const body of [
      {},
      { name: 'Ann' },
      { channel: 'x' },
      { ...newcomer, channel: '' },
      { ...newcomer, channel: 'a b' },
      { ...newcomer, id: 'me' },
      { ...newcomer, metadata: 7 },
      { ...newcomer, metadata: Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`k${n}`, n])) },
    ])
      expect((await world.post('/customers', body)).status, JSON.stringify(body)).toBe(400);
    expect((await world.post('/customers', { ...newcomer, metadata: { note: 'x'.repeat(5000) } })).status).toBe(413);
    expect(jsonOf(await world.post('/customers', { ...newcomer, name: '' }))['code']).toBe('NAME_INVALID');
    expect(world.accounts.calls).toEqual([]);
  });
});

describe('agents', { timeout: 60_000 }, () => {
  const login = { username: 'Support', password: 'correct horse battery' };

  async function office(): Promise<ApiWorld> {
    const world = new ApiWorld();
    world.accounts.agents.push({ id: 'agent-1', name: 'Support', passwordHash: await hashPassword(login.password) });
    return world;
  }

  it('[A6] log in with a password, for 8 hours', async () => {
    const world = await office();
    const reply = await world.post('/public/login', login);
    expect(reply.status).toBe(200);
    expect(jsonOf(reply)).toMatchObject({ expiresAt: WORLD_NOW / 1000 + 28_800, user: { id: 'agent-1', name: 'Support', kind: 'agent' } });
    expect(cookieOf(reply, 'parley_agent')).toBe(jsonOf(reply)['refresh']);
    expect((await world.post('/public/login', { ...login, username: ' SUPPORT ' })).status).toBe(200);
  });

  it('[A6] a wrong password and a name nobody has look the same', async () => {
    const traces = new Set<string>();
    for (const body of [
      { ...login, password: 'wrong' },
      { ...login, username: 'Nobody' },
      { username: '', password: '' },
    ]) {
      const world = await office();
      const reply = await world.post('/public/login', body);
      const { requestId: _, ...rest } = jsonOf(reply);
      traces.add(JSON.stringify([reply.status, rest, world.accounts.shapes]));
    }
    expect([...traces]).toEqual([
      JSON.stringify([
        401,
        { code: 'LOGIN_FAILED', message: 'Name or password is wrong.' },
        ['codes.beginTry(string,undefined,number)', 'agents.byName(string)'],
      ]),
    ]);
  });

  it('[A6] do not log in with a password that is reset while it is compared, nor if they are removed meanwhile', async () => {
    for (const change of ['reset', 'removed'] as const) {
      const world = await office();
      const { agents, store, families } = world.accounts;
      const changing = new ApiWorld({
        store: {
          ...store,
          logins: {
            ...store.logins,
            openFamily: async (...family) => {
              const [agent] = agents.splice(0);
              if (change === 'reset' && agent !== undefined) agents.push({ ...agent, passwordHash: 'another' });
              await store.logins.openFamily(...family);
            },
          },
        },
      });
      const reply = await changing.post('/public/login', login);
      expect([reply.status, jsonOf(reply)['code'], reply.headers['set-cookie']]).toEqual([401, 'LOGIN_FAILED', undefined]);
      expect([...families.values()].map(({ revoked }) => revoked)).toEqual([true]);
    }
  });

  it('[A6] are limited by name and address', async () => {
    const taken: string[] = [];
    const world = new ApiWorld({
      limits: {
        take: async (limit, key) => {
          taken.push(`${limit} ${key}`);
          return limit === 'loginPerNameAndAddress' ? 9 : 0;
        },
      },
    });
    const reply = await world.post('/public/login', login);
    expect([reply.status, reply.headers['retry-after']]).toEqual([429, '9']);
    expect(taken).toEqual(['loginPerAddress 192.0.2.1', 'loginPerNameAndAddress 192.0.2.1 agent:support']);
    expect(world.accounts.calls).toEqual([]);
  });
});
