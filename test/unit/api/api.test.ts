import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HubError } from '#libs/protocol/errors.ts';
import type { BridgeReply } from '#services/api/api-bridge.ts';
import { ApiWorld, jsonOf as json, WORLD_NOW as NOW, type WorldRequest } from '#test/support/api-world.ts';
import { makeFolder, removeFolder } from '#test/support/temp-folder.ts';

const guest = (world: ApiWorld, body: unknown, more?: WorldRequest): Promise<BridgeReply> => world.post('/guests', body, {}, more);

function isError(reply: BridgeReply, status: number, code: string): void {
  expect(reply.status).toBe(status);
  expect(json(reply)).toMatchObject({ code, message: expect.any(String), requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  expect(reply.headers['content-type']).toBe('application/json; charset=utf-8');
}

describe('guests', { timeout: 60_000 }, () => {
  it('[A7] gives a token to a name', async () => {
    const world = new ApiWorld();
    const reply = await guest(world, { name: '  Zoe\u0308 🦊 ' });
    expect(reply.status).toBe(201);
    const user = { id: expect.any(String), name: 'Zoë 🦊', kind: 'guest' };
    const { token, refresh, ...rest } = json(reply);
    expect(rest).toEqual({ expiresAt: NOW / 1000 + 86_400, session: expect.any(String), user });
    expect(await world.credentials(token)).toEqual({
      userId: (rest['user'] as { id: string }).id,
      name: 'Zoë 🦊',
      kind: 'guest',
      issuedAt: NOW / 1000,
      expiresAt: NOW / 1000 + 86_400,
      login: String(refresh).split('.')[0],
    });
    expect(reply.headers['cache-control']).toBe('no-store');
  });

  it('[A7] makes another person of the same name', async () => {
    const world = new ApiWorld();
    const [one, two] = await Promise.all([guest(world, { name: 'Ann' }), guest(world, { name: 'Ann' })]);
    expect((json(one)['user'] as { id: string }).id).not.toBe((json(two)['user'] as { id: string }).id);
  });

  it('[A7] take no name of an account, an agent or a service, nor one that looks like an agent’s or a service’s', async () => {
    const world = new ApiWorld({ services: [{ name: 'shop', key: 'k'.repeat(32) }] });
    await world.member('alice', 'alice@example.org');
    world.accounts.agents.push({ id: 'a', name: 'Max', passwordHash: '' });
    const taken = ['ALICE', ' alice', '\uff41lice', 'max', 'Мах', 'MAX', 'shop', 'Sh0p', 'ѕһор'];
    for (const name of taken) isError(await guest(world, { name }), 409, 'NAME_TAKEN');
    // Only agents and services are guarded against look-alikes.
    for (const name of ['a1ice', 'Maxi', 'Alice B']) expect((await guest(world, { name })).status, name).toBe(201);
    const reply = await guest(world, { name: 'ali\u200bce' });
    isError(reply, 400, 'NAME_INVALID');
    expect(json(reply)['message']).toContain('invisible');
  });

  it('[A7] are refused where they are not allowed', async () => {
    isError(await guest(new ApiWorld({ allowGuests: false }), { name: 'Ann' }), 403, 'FORBIDDEN');
  });

  it('[A3] refuses names that are empty, too long, or hold what must not be in one', async () => {
    const world = new ApiWorld();
    for (const name of [
      '',
      '   ',
      'a'.repeat(22),
      '🦊'.repeat(22),
      'a@b',
      'a\u0000',
      'a\nb',
      'a\u202eb',
      '\u200b',
      '\ufeff',
      '\u200d',
      'x\u2028y',
      'n'.repeat(60_000),
    ]) {
      isError(await guest(world, { name }), 400, 'NAME_INVALID');
    }
    isError(await guest(world, '{"name":"\\ud800"}'), 400, 'NAME_INVALID');
    for (const name of ['a', 'a'.repeat(21), '🦊'.repeat(21), '👩\u200d👧', '<script>', 'O’Neil & Söhne'])
      expect((await guest(world, { name })).status).toBe(201);
  });

  it('[A7] refuses a body that is not exactly {name}', async () => {
    const world = new ApiWorld();
    for (const body of [{}, [], null, 'null', '7', '"x"', '', '{', { name: 7 }, { name: null }, { name: ['Ann'] }, { Name: 'Ann' }])
      isError(await guest(world, body), 400, 'INVALID_REQUEST');
    isError(await guest(world, '{"name":"Ann","__proto__":{"kind":"agent"}}'), 400, 'INVALID_REQUEST');
    isError(await guest(world, '{"name":"Ann","constructor":{"prototype":{}}}'), 400, 'INVALID_REQUEST');
    const unknown = await guest(world, { name: 'Ann', kind: 'agent' });
    isError(unknown, 400, 'INVALID_REQUEST');
    expect(json(unknown)['details']).toEqual([{ path: '/kind', message: 'is not a member of this request' }]);
    const missing = await guest(world, {});
    expect(json(missing)['details']).toEqual([{ path: '/name', message: 'is missing' }]);
    expect(world.accounts.calls).toEqual([]);
  });

  it('[A7] takes JSON only, so that a page of another origin cannot post without asking', async () => {
    const world = new ApiWorld();
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const reply = await world.post('/guests', { name: 'Ann' }, { 'content-type': type });
      isError(reply, reply.status, 'INVALID_REQUEST');
      expect(reply.status).toBe(415);
    }
  });

  it('[A7] limits each address', async () => {
    const taken: string[] = [];
    const world = new ApiWorld({ limits: { take: async (limit, key) => (taken.push(`${limit} ${key}`) > 2 ? 7 : 0) } });
    for (let n = 0; n < 2; n++) expect((await guest(world, { name: 'Ann' })).status).toBe(201);
    const refused = await guest(world, { name: 'Ann' }, { peer: '2001:db8:0:5::7' });
    isError(refused, 429, 'RATE_LIMITED');
    expect(refused.headers['retry-after']).toBe('7');
    expect(taken).toEqual(['guestsPerAddress 192.0.2.1', 'guestsPerAddress 192.0.2.1', 'guestsPerAddress 2001:db8:0:5']);
  });

  it('[A7] refuses a body that is too large', async () => {
    isError(await guest(new ApiWorld(), { name: 'x'.repeat(70_000) }), 413, 'TOO_LARGE');
  });
});

describe('online', () => {
  it('[A12] tells the count', async () => {
    const reply = await new ApiWorld().request('GET', '/api/v1/online');
    expect(reply.status).toBe(200);
    expect(json(reply)).toEqual({ count: 7 });
    expect((await new ApiWorld().request('HEAD', '/api/v1/online')).body).toHaveLength(0);
  });

  it('[A12] says that the backend is away', async () => {
    const reply = await new ApiWorld({ online: () => Promise.reject(new HubError('UNAVAILABLE', undefined, { retryAfter: 2 })) }).request(
      'GET',
      '/api/v1/online',
    );
    isError(reply, 503, 'UNAVAILABLE');
    expect(reply.headers['retry-after']).toBe('2');
  });
});

describe('what is not there', { timeout: 60_000 }, () => {
  it('is 404 as JSON', async () => {
    const world = new ApiWorld();
    for (const url of ['/', '/api', '/api/v1', '/api/v1/online/', '/api/v1/guests/7', '/api/v2/online', '/..', '/api/v1/../../etc/passwd'])
      isError(await world.request('GET', url), 404, 'NOT_FOUND');
  });

  it('is 405 with Allow where only the method is wrong', async () => {
    const world = new ApiWorld();
    const online = await world.request('DELETE', '/api/v1/online');
    isError(online, 405, 'METHOD_NOT_ALLOWED');
    expect(online.headers['allow']).toBe('GET, HEAD');
    expect((await world.request('GET', '/api/v1/guests')).headers['allow']).toBe('POST');
    isError(await world.request('TRACE', '/api/v1/online'), 405, 'METHOD_NOT_ALLOWED');
    isError(await world.request('BREW', '/'), 405, 'METHOD_NOT_ALLOWED');
  });

  it('is 400 where the target is no path', async () => {
    const world = new ApiWorld();
    for (const url of ['', '*', 'http://evil.example/', '//evil.example/', '/\\evil.example', '/a b', '/\u0000', '/é'])
      isError(await world.request('GET', url), 400, 'INVALID_REQUEST');
    isError(await world.request('GET', '/api/v1/%zz'), 400, 'INVALID_REQUEST');
  });
});

describe('what nobody foresaw', () => {
  it('is a 500 that tells nothing, and a line in the log', async () => {
    const sign = (): string => {
      throw new Error('hunter2 is the secret');
    };
    const world = new ApiWorld({ sign });
    const reply = await guest(world, { name: 'Ann' });
    isError(reply, 500, 'INTERNAL');
    expect(reply.body.toString()).not.toContain('hunter2');
    expect(world.logged).toEqual([expect.stringMatching(/^request failed /)]);
  });
});

describe('the page', { timeout: 60_000 }, () => {
  const site = makeFolder('parley-page-');
  const page = join(site, 'dist');
  const script = 'console.log(1);\n'.repeat(200);

  beforeAll(() => {
    mkdirSync(join(page, 'assets'), { recursive: true });
    for (const name of ['index', 'agent', 'admin', 'widget']) writeFileSync(join(page, `${name}.html`), `<title>${name}</title>`);
    writeFileSync(join(page, 'widget.js'), 'void 0;');
    writeFileSync(join(page, 'sources.sha256'), 'abc');
    writeFileSync(join(page, 'assets', 'app-1.js'), script);
    writeFileSync(join(page, 'assets', 'app-1.js.br'), brotliCompressSync(script));
    writeFileSync(join(page, 'assets', 'app-1.js.gz'), gzipSync(script));
  });
  afterAll(() => removeFolder(site));

  it('is at the root, with headers that let nothing foreign in', async () => {
    const world = new ApiWorld({ page });
    const reply = await world.request('GET', '/');
    expect(reply.status).toBe(200);
    expect(reply.body.toString()).toBe('<title>index</title>');
    expect(reply.headers['content-type']).toBe('text/html; charset=utf-8');
    const policy = String(reply.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(reply.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
      'cache-control': 'no-cache',
    });
    expect((await world.request('GET', '/', { headers: { 'if-none-match': String(reply.headers['etag']) } })).status).toBe(304);
    expect((await world.request('GET', '/agent')).body.toString()).toBe('<title>agent</title>');
  });

  it('lets the sites that are named show the widget, and nothing else', async () => {
    const world = new ApiWorld({ page, allowedOrigins: ['https://shop.example'] });
    const { headers } = await world.request('GET', '/widget.html');
    expect(headers['content-security-policy']).toContain("frame-ancestors 'self' https://shop.example;");
    expect(headers['x-frame-options']).toBeUndefined();
    expect((await world.request('GET', '/widget.js')).headers['cross-origin-resource-policy']).toBe('cross-origin');
    expect((await world.request('GET', '/assets/app-1.js')).headers['cross-origin-resource-policy']).toBe('same-origin');
  });

  it('sends scripts packed as the browser takes them, to be kept for good', async () => {
    const world = new ApiWorld({ page });
    const get = (encoding: string) => world.request('GET', '/assets/app-1.js', { headers: { 'accept-encoding': encoding } });
    const packed = await get('gzip, deflate, br;q=0.9');
    expect(packed.headers).toMatchObject({
      'content-encoding': 'br',
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
      vary: 'accept-encoding',
    });
    expect(brotliDecompressSync(packed.body).toString()).toBe(script);
    expect(gunzipSync((await get('gzip;q=1, br;q=0')).body).toString()).toBe(script);
    const plain = await get('identity');
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(plain.body.toString()).toBe(script);
  });

  it('has an entity tag of its own for each coding, and 304 is for the one that would be sent', async () => {
    const world = new ApiWorld({ page });
    const get = (encoding: string, tag = '"other"') =>
      world.request('GET', '/assets/app-1.js', { headers: { 'accept-encoding': encoding, 'if-none-match': tag } });
    const codings = ['identity', 'gzip', 'br'];
    const tags = await Promise.all(codings.map(async (coding) => String((await get(coding)).headers['etag'])));
    expect(new Set(tags).size).toBe(3);
    for (const coding of codings) {
      const statuses = await Promise.all(tags.map(async (tag) => (await get(coding, `"x", W/${tag}`)).status));
      expect(statuses, coding).toEqual(codings.map((one) => (one === coding ? 304 : 200)));
    }
  });

  it.each(['', '/chat'])('leads from an address with a slash at its end to the page (PUBLIC_URL with the path "%s")', async (base) => {
    const world = new ApiWorld({ page, publicUrl: `https://example.com${base}` });
    for (const address of ['/agent', '/docs']) {
      const { status, headers } = await world.request('GET', `${base}${address}/?lang=zh`);
      expect([status, headers['location']]).toEqual([308, `${base}${address}?lang=zh`]);
      expect((await world.request('GET', `${base}${address}`)).status).toBe(200);
    }
  });

  it('[H8] answers a person with a page and a way home, a program with JSON', async () => {
    const world = new ApiWorld({ page, publicUrl: 'https://example.com/chat' });
    const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
    const get = (accept: string, language = 'en', url = '/nowhere') =>
      world.request('GET', url, { headers: { accept, 'accept-language': language } });
    const shown = await get(browser);
    expect([shown.status, shown.headers['content-type'], shown.headers['vary']]).toEqual([
      404,
      'text/html; charset=utf-8',
      expect.stringContaining('accept, accept-language'),
    ]);
    const text = shown.body.toString();
    expect(text).toContain('<html lang="en">');
    expect(text).toContain('There is nothing here');
    expect(text).toContain('<a href="/chat/">To the start page</a>');
    // The policy allows no inline script and no inline style.
    expect(text).not.toMatch(/<script|<style|style=|onclick/);
    expect(shown.headers['content-security-policy']).not.toContain('unsafe-inline');
    for (const [language, tag] of [
      ['zh-CN,zh;q=0.9,en;q=0.8', 'zh-Hans'],
      ['fr, en;q=0.2, zh;q=0.5', 'zh-Hans'],
      ['fr, zh;q=0', 'en'],
    ] as const)
      expect((await get(browser, language)).body.toString(), language).toContain(`<html lang="${tag}">`);
    // What the server says beyond the table is shown, too.
    const refused = await get(browser, 'zh', '//nowhere');
    expect(refused.status).toBe(400);
    expect(refused.body.toString()).toContain('<p lang="en">the request target must be a path with an optional query</p>');
    for (const accept of ['*/*', 'application/json', 'application/json, text/html;q=0.5', 'text/html;q=0'])
      expect(JSON.parse((await get(accept)).body.toString()), accept).toMatchObject({ code: 'NOT_FOUND' });
    const post = await world.request('POST', '/nowhere', { headers: { accept: browser } });
    expect(JSON.parse(post.body.toString())).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('stays as it was at the start while a new one is built', async () => {
    const world = new ApiWorld({ page });
    await world.request('GET', '/');
    renameSync(page, `${page}.new`);
    try {
      expect((await world.request('GET', '/assets/app-1.js')).status).toBe(200);
    } finally {
      renameSync(`${page}.new`, page);
    }
  });

  it('comes with no other file of the machine', async () => {
    const world = new ApiWorld({ page });
    for (const url of [
      '/../package.json',
      '/%2e%2e/package.json',
      '/..%2fpackage.json',
      '/.%00/',
      '/widget.js%00.html',
      '/etc/passwd',
      '/.git/config',
      '/index.html/x',
      '/admin.html',
      '/sources.sha256',
      '/assets/app-1.js.br',
    ]) {
      expect([400, 404], url).toContain((await world.request('GET', url)).status);
    }
    isError(await world.request('POST', '/'), 405, 'METHOD_NOT_ALLOWED');
  });

  it('[H8] lives under the path of PUBLIC_URL, whether or not a proxy takes that off', async () => {
    const world = new ApiWorld({ page, publicUrl: 'https://x.test/chat' });
    const routes = new Set<string>();
    world.app.addHook('onRoute', ({ url, method }) => {
      if (method === 'GET' && !url.includes(':') && url !== '/chat') routes.add(url);
    });
    await world.app.ready();
    expect([...routes]).toEqual(expect.arrayContaining(['/', '/agent', '/widget.js', '/docs', '/docs/docs.js', '/api/v1/online']));
    for (const url of [...routes, '/api/v1/rooms/x']) {
      const { status, headers, body } = await world.request('GET', url);
      const below = await world.request('GET', `/chat${url}`);
      expect([below.status, below.headers['etag'], below.headers['content-type']], url).toEqual([
        status,
        headers['etag'],
        headers['content-type'],
      ]);
      if (status === 200) expect(below.body.equals(body), url).toBe(true);
    }
    const redirect = await world.request('GET', '/chat');
    expect([redirect.status, redirect.headers['location']]).toEqual([308, '/chat/']);
    isError(await world.request('GET', '/chats/api/v1/online'), 404, 'NOT_FOUND');
    isError(await world.request('GET', '/chat/chat/api/v1/online'), 404, 'NOT_FOUND');
  });

  it('is missing, and everything else there, where nothing was built', async () => {
    const world = new ApiWorld({ page: join(site, 'nowhere') });
    isError(await world.request('GET', '/'), 404, 'NOT_FOUND');
    expect((await world.request('GET', '/api/v1/online')).status).toBe(200);
  });
});
