import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tokenHash } from '#libs/auth/revocations.ts';
import { endLogin, secretHash, secretOf } from '#services/api/login.ts';
import { ApiWorld, cookieOf, jsonOf, WORLD_NOW } from '#test/support/api-world.ts';

const codeOf = (reply: { body: Buffer; status: number }): unknown[] => [reply.status, jsonOf(reply as never)['code']];

describe('the refresh secret', { timeout: 60_000 }, () => {
  it('[A4] gets the next token, from the body or from the cookie, and is replaced', async () => {
    const world = new ApiWorld();
    const first = await world.member('Ann', 'ann@example.org');
    world.now += 60_000;
    const reply = await world.post('/auth/refresh', { refresh: first['refresh'] });
    expect(reply.status).toBe(200);
    const second = jsonOf(reply);
    expect(second['user']).toEqual(first['user']);
    expect(second['expiresAt']).toBe(WORLD_NOW / 1000 + 960);
    expect(second['refresh']).not.toBe(first['refresh']);
    const { login } = await world.credentials(first['token']);
    expect(await world.credentials(second['token'])).toMatchObject({ login, issuedAt: WORLD_NOW / 1000 + 60 });
    const third = await world.post('/auth/refresh', '', { cookie: `parley_refresh=${second['refresh']}` });
    expect(third.status).toBe(200);
    expect(cookieOf(third)).toBe(jsonOf(third)['refresh']);
  });

  it('[A4] [A17] is a cookie that scripts and other sites do not get', async () => {
    const attributes = async (more: ConstructorParameters<typeof ApiWorld>[0], headers: Record<string, string> = {}): Promise<string> => {
      const reply = await new ApiWorld(more).post('/guests', { name: 'Ann' }, headers);
      const [browser = '', secret = '', hint = ''] = [reply.headers['set-cookie']].flat().map(String);
      const kept = secret.replace(/^[^;]*; /, '');
      // What scripts do get: that there is one.
      expect(hint).toBe(`parley_in=1; ${kept.replace('Path=/api/v1; HttpOnly', 'Path=/')}`);
      expect(browser).toMatch(/^parley_guest=[\w-]{22}; /);
      expect(browser.replace(/^[^;]*; /, '')).toBe(kept.replace('2592000', '31536000'));
      return kept;
    };
    const plain = 'Max-Age=2592000; Path=/api/v1; HttpOnly; SameSite=Strict';
    const secure = plain.replace('HttpOnly; ', 'HttpOnly; Secure; ');
    expect(await attributes({})).toBe(plain);
    expect(await attributes({ publicUrl: 'http://chat.test' })).toBe(plain);
    expect(await attributes({ publicUrl: 'https://chat.test' })).toBe(secure);
    expect(await attributes({}, { 'x-forwarded-proto': 'https' })).toBe(plain);
    expect(await attributes({ trustedProxyHops: 1 }, { 'x-forwarded-proto': 'https' })).toBe(secure);
  });

  it('[A4] is answered with the same next one until that one is used, and 30 s longer; then it ends the login', async () => {
    const world = new ApiWorld();
    const first = await world.member('Ann', 'ann@example.org');
    const { login } = await world.credentials(first['token']);
    const renew = async (refresh: unknown): Promise<unknown> => jsonOf(await world.post('/auth/refresh', { refresh }))['refresh'];
    const second = await renew(first['refresh']);
    for (const later of [0, 1000, 20 * 86_400_000]) {
      world.now += later;
      expect(await renew(first['refresh'])).toBe(second);
    }
    const third = await renew(second);
    expect(third).not.toBe(second);
    world.now += 29_999;
    const late = await world.post('/auth/refresh', '', { cookie: `parley_refresh=${String(first['refresh'])}` });
    expect([late.status, jsonOf(late)['refresh']]).toEqual([200, second]);
    // The browser has a newer one: that one stays.
    expect(cookieOf(late)).toBeUndefined();
    expect(await renew(second)).toBe(third);
    expect(world.accounts.revocations).toEqual([]);
    world.now += 1;
    const replay = await world.post('/auth/refresh', { refresh: first['refresh'] });
    expect(codeOf(replay)).toEqual([401, 'TOKEN_EXPIRED']);
    expect([cookieOf(replay), cookieOf(replay, 'parley_in')]).toEqual(['', '']);
    for (const refresh of [second, third]) expect(codeOf(await world.post('/auth/refresh', { refresh }))).toEqual([401, 'TOKEN_EXPIRED']);
    const at = world.now;
    // As long as a token of a user may live, and a minute for clocks that differ.
    expect(world.accounts.revocations).toEqual([
      { seq: 1, kind: 'login', subject: login, reason: expect.any(String), at, until: at + 960_000 },
    ]);
  });

  it('[A4] that is made up ends nothing, whatever it knows: not the login whose id it has, nor by logging out', async () => {
    const world = new ApiWorld();
    const { refresh, token } = await world.member('Ann', 'ann@example.org');
    const other = await world.member('Ben', 'ben@example.org');
    const login = String((await world.credentials(token)).login);
    const generations = [0, 1, 2, 2 ** 32 - 1].map((generation) => secretOf(new Uint8Array(32).fill(9), login, generation));
    const mixed = login + String(other['refresh']).slice(36);
    const flipped = String(refresh).replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    for (const made of [...generations, mixed, flipped, `${login}.${'A'.repeat(43)}`]) {
      expect(codeOf(await world.post('/auth/refresh', { refresh: made }))).toEqual([401, 'TOKEN_EXPIRED']);
      expect((await world.post('/auth/logout', { refresh: made })).status).toBe(204);
    }
    expect(world.accounts.revocations).toEqual([]);
    expect((await world.post('/auth/refresh', { refresh })).status).toBe(200);
  });

  it('[A4] of before an upgrade works, is answered again, and is replaced', async () => {
    const world = new ApiWorld();
    const login = '00000000-0000-4000-8000-00000000aaaa';
    const old = `${login}.${'q'.repeat(43)}`;
    const family = { id: login, userId: 'u', name: 'U', kind: 'user', expiresAt: WORLD_NOW + 30 * 86_400_000 };
    await world.accounts.store.logins.openFamily(family, secretHash(old));
    const renew = async (refresh: unknown): Promise<unknown> => jsonOf(await world.post('/auth/refresh', { refresh }))['refresh'];
    const next = await renew(old);
    expect(next).not.toBe(old);
    expect(await renew(old)).toBe(next);
    await renew(next);
    expect(await renew(old)).toBe(next);
    world.now += 30_000;
    expect((await world.post('/auth/refresh', { refresh: old })).status).toBe(401);
  });

  it('[A4] goes on where the key that makes the next ones is changed, with nodes that have either', async () => {
    const before = new ApiWorld();
    const after = new ApiWorld({ store: before.accounts.store, refreshKey: new Uint8Array(32).fill(2) });
    const renew = async (world: ApiWorld, refresh: unknown): Promise<unknown> => {
      const reply = await world.post('/auth/refresh', { refresh });
      expect(reply.status).toBe(200);
      return jsonOf(reply)['refresh'];
    };
    const { refresh: first } = await before.member('Ann', 'ann@example.org');
    const lost = await renew(before, first);
    // The answer was lost, and the other key cannot make it again: there is another next one, for whoever has either.
    const second = await renew(after, first);
    expect(second).not.toBe(lost);
    expect(await renew(after, lost)).toBe(second);
    let secret = second;
    for (const world of [before, after, after, before]) secret = await renew(world, secret);
    expect(await renew(after, second)).toEqual(expect.any(String));
    expect(before.accounts.revocations).toEqual([]);
  });

  it('[A4] ends no login of somebody whose answers are lost, whose tabs ask at once, and whose requests are slow', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            tabs: fc.integer({ min: 1, max: 3 }),
            lost: fc.boolean(),
            native: fc.boolean(),
            pause: fc.constantFrom(0, 1000, 29_000, 31_000, 900_000),
          }),
          { maxLength: 8 },
        ),
        async (steps) => {
          const world = new ApiWorld();
          let { refresh } = jsonOf(await world.post('/guests', { name: 'Ann' }));
          for (const { tabs, lost, native, pause } of steps) {
            world.now += pause;
            const body = native ? { refresh } : '';
            const headers: Record<string, string> = native ? {} : { cookie: `parley_refresh=${String(refresh)}` };
            const replies = await Promise.all(Array.from({ length: tabs }, () => world.post('/auth/refresh', body, headers)));
            expect(replies.map(({ status }) => status)).toEqual(Array(tabs).fill(200));
            expect(new Set(replies.map((reply) => jsonOf(reply)['refresh'])).size).toBe(1);
            for (const reply of replies) if (!lost) refresh = jsonOf(reply)['refresh'];
          }
        },
      ),
      { numRuns: 15 },
    );
  });

  it('[A4] gets a token that is not younger than a logout which comes while it is made', async () => {
    const world = new ApiWorld();
    const { refresh } = await world.member('Ann', 'ann@example.org');
    const { logins } = world.accounts.store;
    const { replaceSecrets } = logins;
    let loggedOutAt = 0;
    Object.assign(logins, {
      replaceSecrets: async (...args: Parameters<typeof replaceSecrets>) => {
        const replaced = await replaceSecrets(...args);
        loggedOutAt = world.now + 1;
        world.now += 5000;
        return replaced;
      },
    });
    const { token } = jsonOf(await world.post('/auth/refresh', { refresh }));
    const { issuedAt = Number.POSITIVE_INFINITY } = await world.credentials(token);
    expect(issuedAt * 1000).toBeLessThanOrEqual(loggedOutAt);
  });

  it('[A4] lasts 30 days from the login, however often it is used', async () => {
    const world = new ApiWorld();
    let refresh = (await world.member('Ann', 'ann@example.org'))['refresh'];
    for (let days = 0; days < 29; days++) {
      world.now += 86_400_000;
      refresh = jsonOf(await world.post('/auth/refresh', { refresh }))['refresh'];
    }
    world.now += 86_400_000;
    expect(codeOf(await world.post('/auth/refresh', { refresh }))).toEqual([401, 'TOKEN_EXPIRED']);
  });

  it('[A4] is needed, and must be one', async () => {
    const world = new ApiWorld();
    expect(codeOf(await world.post('/auth/refresh', {}))).toEqual([401, 'MISSING_TOKEN']);
    expect(codeOf(await world.request('POST', '/api/v1/auth/refresh'))).toEqual([401, 'MISSING_TOKEN']);
    for (const refresh of ['', 'x', `${'0'.repeat(36)}.${'a'.repeat(43)}`, `00000000-0000-4000-8000-000000000001.${'a'.repeat(43)}`])
      expect(codeOf(await world.post('/auth/refresh', { refresh }))).toEqual([401, 'TOKEN_EXPIRED']);
    for (const body of [{ refresh: 7 }, { refresh: 'x'.repeat(100) }, { token: 'x' }, [], '"x"', '{'])
      expect(codeOf(await world.post('/auth/refresh', body))).toEqual([400, 'INVALID_REQUEST']);
    expect(world.accounts.calls.filter(({ method }) => method !== 'logins.activeLogin')).toEqual([]);
  });

  it('[A4] of the cookie serves the hub’s own pages and those of named origins, no other', async () => {
    const world = new ApiWorld({ allowedOrigins: ['https://app.test', '*'] });
    let { refresh } = await world.member('Ann', 'ann@example.org');
    const ask = (headers: Record<string, string>) =>
      world.post('/auth/refresh', '{}', { cookie: `parley_refresh=${String(refresh)}`, ...headers });
    for (const headers of [
      { origin: 'https://evil.test' },
      { origin: 'null' },
      { origin: 'https://chat.test.evil.test' },
      { origin: 'https://chat.test:8443' },
      { 'sec-fetch-site': 'cross-site' },
    ])
      expect(codeOf(await ask(headers))).toEqual([403, 'ORIGIN_DENIED']);
    for (const headers of [{ origin: 'https://chat.test' }, { origin: 'https://app.test' }, {}]) {
      const reply = await ask(headers);
      expect(reply.status).toBe(200);
      refresh = jsonOf(reply)['refresh'];
    }
    expect((await world.post('/auth/refresh', { refresh }, { origin: 'https://evil.test' })).status).toBe(200);
    expect(
      codeOf(await world.post('/auth/logout', '', { cookie: `parley_refresh=${String(refresh)}`, origin: 'https://evil.test' })),
    ).toEqual([403, 'ORIGIN_DENIED']);
  });
});

describe('logging out', { timeout: 60_000 }, () => {
  it('[A4] by the token, the secret or the cookie: the login is ended, its tokens are revoked, the cookie is taken back', async () => {
    for (const way of ['token', 'secret', 'cookie', 'token and cookie'] as const) {
      const world = new ApiWorld();
      const login = await world.member('Ann', 'ann@example.org');
      const reply = await world.post('/auth/logout', way === 'secret' ? { refresh: login['refresh'] } : '', {
        ...(way.includes('token') ? { authorization: `Bearer ${String(login['token'])}` } : {}),
        ...(way.includes('cookie') ? { cookie: `parley_refresh=${String(login['refresh'])}` } : {}),
      });
      expect([reply.status, reply.body.length]).toEqual([204, 0]);
      expect(cookieOf(reply)).toBe('');
      const { login: id } = await world.credentials(login['token']);
      expect(world.accounts.revocations.at(-1)).toMatchObject({ kind: 'login', subject: id, reason: 'logout' });
      expect(world.accounts.families.get(String(id))?.revoked).toBe(true);
      expect(codeOf(await world.post('/auth/refresh', { refresh: login['refresh'] }))).toEqual([401, 'TOKEN_EXPIRED']);
    }
  });

  it.each([
    ['guest', 86_400],
    ['customer', 86_400],
    ['agent', 28_800],
    ['user', 900],
    ['login of another issuer', 31 * 86_400],
  ])('[A4] of a %s is remembered for as long as a token of the login may live: %i seconds', async (kind, seconds) => {
    const world = new ApiWorld();
    const login = '00000000-0000-4000-8000-00000000aaaa';
    if (kind !== 'login of another issuer') {
      const family = { id: login, userId: 'u', name: 'U', kind, expiresAt: WORLD_NOW + 1_000_000 };
      await world.accounts.store.logins.openFamily(family, 'hash');
    }
    await endLogin({ store: world.accounts.store, now: () => WORLD_NOW }, login, 'logout');
    expect(world.accounts.revocations).toMatchObject([{ kind: 'login', subject: login, until: WORLD_NOW + (seconds + 60) * 1000 }]);
  });

  it('[A4] by a token that outlives the tokens of its login is remembered for as long as that one', async () => {
    for (const days of [7, 400]) {
      const expiresAt = WORLD_NOW / 1000 + days * 86_400;
      const world = new ApiWorld({ verify: async () => ({ userId: 'u', name: 'U', kind: 'user', expiresAt, login: 'theirs' }) });
      expect((await world.post('/auth/logout', '', { authorization: 'Bearer a.b.c' })).status).toBe(204);
      const until = WORLD_NOW + Math.max(days, 31) * 86_400_000 + 60_000;
      expect(world.accounts.revocations).toMatchObject([{ kind: 'login', subject: 'theirs', until }]);
    }
  });

  it('[A4] [A5] by a secret of another login, or refused for one, leaves the cookie of a login that goes on', async () => {
    const world = new ApiWorld();
    const ann = jsonOf(await world.post('/guests', { name: 'Ann' }));
    const ben = jsonOf(await world.post('/guests', { name: 'Ben' }));
    const cookie = `parley_refresh=${String(ann['refresh'])}`;
    const foreign = `${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}.${'a'.repeat(43)}`;
    for (const refresh of ['x', foreign]) {
      const renewed = await world.post('/auth/refresh', { refresh }, { cookie });
      expect([renewed.status, renewed.headers['set-cookie']]).toEqual([401, undefined]);
      const left = await world.post('/auth/logout', { refresh }, { cookie });
      expect([left.status, left.headers['set-cookie']]).toEqual([204, undefined]);
    }
    const out = await world.post('/auth/logout', { refresh: ben['refresh'] }, { cookie });
    expect([out.status, out.headers['set-cookie']]).toEqual([204, undefined]);
    const over = await world.post('/auth/refresh', { refresh: ben['refresh'] }, { cookie });
    expect([over.status, over.headers['set-cookie']]).toEqual([401, undefined]);
    const go = await world.post('/auth/refresh', '', { cookie });
    expect(go.status).toBe(200);
    // The secret of the body is of the cookie's login: both are over.
    const both = await world.post('/auth/logout', { refresh: jsonOf(go)['refresh'] }, { cookie });
    expect([cookieOf(both), cookieOf(both, 'parley_in')]).toEqual(['', '']);

    const cid = jsonOf(await world.post('/customers', { name: 'Cid', channel: 'shop' }));
    const dan = jsonOf(await world.post('/customers', { name: 'Dan', channel: 'shop' }));
    const own = { cookie: `parley_customer=${String(cid['refresh'])}` };
    for (const refresh of [foreign, dan['refresh'], dan['refresh']]) {
      const refused = await world.post('/customers/token', { customerId: cid['id'], channel: 'shop', refresh }, own);
      expect([refused.status, refused.headers['set-cookie']]).toEqual([401, undefined]);
    }
    expect((await world.post('/customers/token', { customerId: cid['id'], channel: 'shop' }, own)).status).toBe(200);
  });

  it('[A4] of a token that belongs to no login of ours takes back that one alone', async () => {
    const world = new ApiWorld({ verify: async () => ({ userId: 'u', name: 'U', kind: 'user', expiresAt: WORLD_NOW / 1000 + 60 }) });
    expect((await world.post('/auth/logout', '', { authorization: 'Bearer a.b.c' })).status).toBe(204);
    expect(world.accounts.revocations).toEqual([
      { seq: 1, kind: 'token', subject: tokenHash('a.b.c'), reason: 'logout', at: WORLD_NOW, until: WORLD_NOW + 120_000 },
    ]);
  });

  it('[A4] by a secret whose next one got lost, or that is out of use, ends the login as well', async () => {
    for (const uses of [1, 2, 3]) {
      const world = new ApiWorld();
      const first = await world.member('Ann', 'ann@example.org');
      let refresh = first['refresh'];
      for (let n = 0; n < uses; n++) {
        world.now += 40_000;
        refresh = jsonOf(await world.post('/auth/refresh', { refresh }))['refresh'];
      }
      expect((await world.post('/auth/logout', { refresh: first['refresh'] })).status).toBe(204);
      expect(codeOf(await world.post('/auth/refresh', { refresh }))).toEqual([401, 'TOKEN_EXPIRED']);
      expect(world.accounts.revocations.at(-1)).toMatchObject({ kind: 'login', reason: 'logout' });
    }
  });

  it('[A4] may be repeated; without any proof it is refused', async () => {
    const world = new ApiWorld();
    const { refresh, token } = await world.member('Ann', 'ann@example.org');
    for (let n = 0; n < 2; n++) expect((await world.post('/auth/logout', { refresh })).status).toBe(204);
    expect(codeOf(await world.post('/auth/logout', {}))).toEqual([401, 'MISSING_TOKEN']);
    expect(codeOf(await world.post('/auth/logout', '', { authorization: 'Bearer x' }))).toEqual([401, 'TOKEN_EXPIRED']);
    world.now += 3_600_000;
    const cookie = `parley_refresh=${String(refresh)}`;
    expect((await world.post('/auth/logout', '', { authorization: `Bearer ${String(token)}`, cookie })).status).toBe(204);
  });
});
