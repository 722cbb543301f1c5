import { describe, expect, it } from 'vitest';
import { tokenHash } from '#libs/auth/revocations.ts';
import { endLogin } from '#services/api/login.ts';
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

  it('[A4] is a cookie that scripts and other sites do not get', async () => {
    const attributes = async (more: ConstructorParameters<typeof ApiWorld>[0], headers: Record<string, string> = {}): Promise<string> => {
      const reply = await new ApiWorld(more).post('/guests', { name: 'Ann' }, headers);
      const [secret = '', hint = ''] = [reply.headers['set-cookie']].flat().map(String);
      const kept = secret.replace(/^[^;]*; /, '');
      // What scripts do get: that there is one.
      expect(hint).toBe(`parley_in=1; ${kept.replace('Path=/api/v1; HttpOnly', 'Path=/')}`);
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

  it('[A4] used twice ends the login, for whoever has the newer one too', async () => {
    const world = new ApiWorld();
    const first = await world.member('Ann', 'ann@example.org');
    const second = jsonOf(await world.post('/auth/refresh', { refresh: first['refresh'] }));
    const replay = await world.post('/auth/refresh', { refresh: first['refresh'] });
    expect(codeOf(replay)).toEqual([401, 'TOKEN_EXPIRED']);
    expect([cookieOf(replay), cookieOf(replay, 'parley_in')]).toEqual(['', '']);
    expect(codeOf(await world.post('/auth/refresh', { refresh: second['refresh'] }))).toEqual([401, 'TOKEN_EXPIRED']);
    const { login } = await world.credentials(first['token']);
    expect(world.accounts.sanctions).toEqual([
      { seq: 1, kind: 'login', subject: login, reason: expect.any(String), at: WORLD_NOW, until: expect.any(Number) },
    ]);
    // As long as a token of a user may live, and a minute for clocks that differ.
    expect(world.accounts.sanctions[0]?.until).toBe(WORLD_NOW + 960_000);
  });

  it('[A4] gets a token that is not younger than a logout which comes while it is made', async () => {
    const world = new ApiWorld();
    const { refresh } = await world.member('Ann', 'ann@example.org');
    const { logins } = world.accounts.store;
    const { rotate } = logins;
    let loggedOutAt = 0;
    Object.assign(logins, {
      rotate: async (...args: Parameters<typeof rotate>) => {
        const family = await rotate(...args);
        loggedOutAt = world.now + 1;
        world.now += 5000;
        return family;
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
    expect(world.accounts.calls.filter(({ method }) => method !== 'logins.rotate')).toEqual([]);
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
      expect(world.accounts.sanctions.at(-1)).toMatchObject({ kind: 'login', subject: id, reason: 'logout' });
      expect(world.accounts.families.get(String(id))?.revoked).toBe(true);
      expect(codeOf(await world.post('/auth/refresh', { refresh: login['refresh'] }))).toEqual([401, 'TOKEN_EXPIRED']);
    }
  });

  it.each([
    ['guest', 86_400],
    ['customer', 86_400],
    ['agent', 28_800],
    ['user', 900],
    ['unknown', 86_400],
  ])('[A4] of a %s is remembered for as long as a token of the login may live: %i seconds', async (kind, seconds) => {
    const world = new ApiWorld();
    const login = '00000000-0000-4000-8000-00000000aaaa';
    if (kind !== 'unknown') {
      const family = { id: login, userId: 'u', name: 'U', kind, expiresAt: WORLD_NOW + 1_000_000 };
      await world.accounts.store.logins.openFamily(family, 'hash');
    }
    await endLogin({ store: world.accounts.store, clock: () => WORLD_NOW }, login, 'logout');
    expect(world.accounts.sanctions).toMatchObject([{ kind: 'login', subject: login, until: WORLD_NOW + (seconds + 60) * 1000 }]);
  });

  it('[A4] of a token that belongs to no login of ours takes back that one alone', async () => {
    const world = new ApiWorld({ verify: () => ({ userId: 'u', name: 'U', kind: 'user', expiresAt: WORLD_NOW / 1000 + 60 }) });
    expect((await world.post('/auth/logout', '', { authorization: 'Bearer a.b.c' })).status).toBe(204);
    expect(world.accounts.sanctions).toEqual([
      { seq: 1, kind: 'token', subject: tokenHash('a.b.c'), reason: 'logout', at: WORLD_NOW, until: WORLD_NOW + 120_000 },
    ]);
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
