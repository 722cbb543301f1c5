import { Type } from '@sinclair/typebox';
import { describe, expect, it } from 'vitest';
import { HubError } from '#libs/protocol/errors.ts';
import { authenticated, forServices } from '#services/api/access.ts';
import type { Routes } from '#services/api/api-parts.ts';
import { ApiWorld, jsonOf } from '#test/support/api-world.ts';

const Who = Type.Object({ who: Type.String() });
const probes: Routes = (api) => {
  api.get('/any', { ...authenticated(), schema: { tags: ['Rooms'], response: { 200: Who } } }, async ({ user }) => ({ who: user.name }));
  api.get('/agents', { ...authenticated('answer'), schema: { tags: ['Rooms'], response: { 200: Who } } }, async ({ user }) => ({
    who: user.name,
  }));
  api.post('/services', { ...forServices(), schema: { tags: ['Services'], response: { 200: Who } } }, async ({ service }) => ({
    who: service,
  }));
  api.get('/misused', async ({ user }) => user);
  api.get(
    '/page',
    {
      schema: {
        tags: ['Rooms'],
        querystring: Type.Object(
          {
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
            all: Type.Optional(Type.Boolean()),
            name: Type.Optional(Type.String()),
          },
          { additionalProperties: false },
        ),
        response: { 200: Type.Object({}, { additionalProperties: true }) },
      },
    },
    async ({ query }) => query,
  );
};

const KEYS = [
  { name: 'shop', key: 'k'.repeat(32) },
  { name: 'desk', key: 'd'.repeat(32) },
];
const stage = (): ApiWorld => new ApiWorld({ routes: [probes], services: KEYS });
const bearer = (token: unknown): Record<string, string> => ({ authorization: `Bearer ${String(token)}` });

describe('who may use a route', () => {
  it('[A11] [A12] the bearer of a good token, of a fitting kind', async () => {
    const world = stage();
    const { token } = jsonOf(await world.post('/guests', { name: 'Ann' }));
    expect(jsonOf(await world.get('/api/v1/any', bearer(token)))).toEqual({ who: 'Ann' });
    const other = await world.get('/api/v1/agents', bearer(token));
    expect([other.status, jsonOf(other)['code']]).toEqual([403, 'FORBIDDEN']);
    const missing = await world.get('/api/v1/any');
    expect([missing.status, jsonOf(missing)['code'], missing.headers['www-authenticate']]).toEqual([401, 'MISSING_TOKEN', 'Bearer']);
    for (const headers of [bearer('x'), bearer(`${String(token)}x`)]) {
      const reply = await world.get('/api/v1/any', headers);
      expect([reply.status, jsonOf(reply)['code']]).toEqual([401, 'TOKEN_EXPIRED']);
    }
    world.now += 86_400_000 + 6000;
    expect((await world.get('/api/v1/any', bearer(token))).status).toBe(401);
  });

  it('[A11] not the bearer of one that was revoked, and nobody while that is not known', async () => {
    for (const code of ['TOKEN_EXPIRED', 'UNAVAILABLE'] as const) {
      const world = new ApiWorld({ routes: [probes], verify: () => Promise.reject(new HubError(code)) });
      expect((await world.get('/api/v1/any', bearer('a.b.c'))).status).toBe(code === 'UNAVAILABLE' ? 503 : 401);
    }
  });

  it('[A11] a service with one of the keys, and no other', async () => {
    const world = stage();
    for (const { name, key } of KEYS) expect(jsonOf(await world.post('/services', '', bearer(key)))).toEqual({ who: name });
    const { token } = jsonOf(await world.post('/guests', { name: 'Ann' }));
    for (const key of ['', 'k', 'k'.repeat(33), `${'k'.repeat(31)}K`, 'shop', token])
      expect((await world.post('/services', '', bearer(key))).status, String(key)).toBe(401);
    expect((await world.get('/api/v1/any', bearer('k'.repeat(32)))).status).toBe(401);
    const none = new ApiWorld({ routes: [probes], services: [] });
    expect((await none.post('/services', '', bearer(''))).status).toBe(401);
  });

  it('is not to be forgotten: a route that asks for a user without being guarded fails', async () => {
    expect((await stage().get('/api/v1/misused')).status).toBe(500);
  });
});

describe('a query', () => {
  it('is read as what its schema says, and refused as anything else', async () => {
    const world = stage();
    expect(jsonOf(await world.get('/api/v1/page?limit=7&all=true&name=12'))).toEqual({ limit: 7, all: true, name: '12' });
    for (const query of ['limit=x', 'limit=0', 'limit=101', 'limit=1e1', 'limit=', 'limit=1&limit=2', 'all=yes', 'more=1']) {
      const reply = await world.get(`/api/v1/page?${query}`);
      expect([reply.status, jsonOf(reply)['code']], query).toEqual([400, 'INVALID_REQUEST']);
    }
  });
});

describe('every answer', () => {
  it('has a request id, that errors repeat, and the security headers', async () => {
    const world = stage();
    for (const url of ['/api/v1/online', '/api/v1/nowhere', '/docs']) {
      const reply = await world.get(url, { 'x-request-id': 'mine' });
      const id = reply.headers['x-request-id'];
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
      expect(reply.headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'content-security-policy': expect.any(String),
      });
      if (reply.status === 404) expect(jsonOf(reply)['requestId']).toBe(id);
    }
  });
});

describe('pages of other origins', () => {
  const allowed = async (world: ApiWorld, origin: string): Promise<unknown[]> => {
    const { headers } = await world.get('/api/v1/online', { origin });
    return [headers['access-control-allow-origin'], headers['access-control-allow-credentials']];
  };

  it('[A1] may read answers where they are named, and then use the cookie', async () => {
    const world = new ApiWorld({ allowedOrigins: ['https://app.test'] });
    expect(await allowed(world, 'https://app.test')).toEqual(['https://app.test', 'true']);
    for (const origin of ['https://evil.test', 'https://app.test.evil.test', 'http://app.test', 'null', ''])
      expect(await allowed(world, origin), origin).toEqual([undefined, undefined]);
    expect(await allowed(new ApiWorld(), 'https://app.test')).toEqual([undefined, undefined]);
  });

  it('[A1] never use the cookie where every origin may ask', async () => {
    const world = new ApiWorld({ allowedOrigins: ['*'] });
    for (const origin of ['https://app.test', 'null']) expect(await allowed(world, origin)).toEqual(['*', undefined]);
  });

  it('[A1] are told beforehand what they may send', async () => {
    const world = new ApiWorld({ allowedOrigins: ['https://app.test'] });
    const ask = (origin: string) =>
      world.request('OPTIONS', '/api/v1/auth/refresh', {
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
      });
    const yes = await ask('https://app.test');
    expect(yes.status).toBe(204);
    expect(yes.headers).toMatchObject({
      'access-control-allow-origin': 'https://app.test',
      'access-control-allow-credentials': 'true',
      'access-control-allow-headers': 'authorization, content-type, idempotency-key',
      'access-control-max-age': '600',
    });
    const no = await ask('https://evil.test');
    expect(no.status).toBe(405);
    expect(no.headers['access-control-allow-origin']).toBeUndefined();
  });
});

describe('what limits by address go by', () => {
  it('is what the trusted proxies say, and nobody else', async () => {
    const seen: string[] = [];
    const limits = { take: async (_limit: string, key: string) => seen.push(key) * 0 };
    const headers = { 'x-forwarded-for': '203.0.113.1, 203.0.113.2, 203.0.113.3' };
    for (const trustedProxyHops of [0, 1, 2, 9]) {
      await new ApiWorld({ limits, trustedProxyHops }).post('/guests', { name: 'Ann' }, headers);
    }
    expect(seen).toEqual(['192.0.2.1', '203.0.113.3', '203.0.113.2', '203.0.113.1']);
  });
});
