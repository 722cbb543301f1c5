import Fastify from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import { basePath, withoutBase } from '#libs/config/public-url.ts';
import { LocalKey, type LocalKeyOptions } from '#services/api/local-key.ts';

const KEY = 'k'.repeat(32);
const HERE = { host: 'localhost:8080' };

function stage(more: Partial<LocalKeyOptions> = {}) {
  const localKey = new LocalKey({ key: KEY, publicUrl: undefined, trustedProxyHops: 0, ...more });
  const app = Fastify({ rewriteUrl: ({ url = '/' }) => withoutBase(url, basePath(more.publicUrl)) });
  onTestFinished(() => app.close());
  app.addHook('onRequest', async (request, reply) => localKey.exchange(request, reply, '/dev'));
  app.get('/dev/mailbox', async (request, reply) => {
    const refusal = localKey.refusal(request);
    return reply.status(refusal === undefined ? 200 : 403).send(refusal ?? 'mail');
  });
  app.get('/', async () => 'chat');
  const get = async (url: string, headers: Record<string, string> = HERE, remoteAddress = '127.0.0.1') => {
    const { statusCode, headers: answered, body } = await app.inject({ method: 'GET', url, headers, remoteAddress });
    return { status: statusCode, location: answered['location'], cookie: String(answered['set-cookie'] ?? ''), body };
  };
  return { localKey, get };
}

const COOKIE = `parley_key_8080=${KEY}`;

describe('the key of this machine', () => {
  it('[A13] is exchanged for a cookie that no script reads, and leaves the address', async () => {
    const { localKey, get } = stage();
    expect(localKey.linkTo('http://localhost:8080/')).toBe(`http://localhost:8080/?key=${KEY}`);
    const exchanged = await get(`/?key=${KEY}`);
    expect(exchanged).toMatchObject({ status: 303, location: './', cookie: `${COOKIE}; Path=/dev; HttpOnly; SameSite=Strict` });
    expect((await get(`/?a=1&key=${KEY}&b=2`)).location).toBe('./?a=1&b=2');
    expect(await get('/dev/mailbox', { ...HERE, cookie: `other=1; ${COOKIE}` })).toMatchObject({ status: 200, body: 'mail' });
    expect(await get('/dev/mailbox', { host: '[::1]:8080', cookie: COOKIE }, '::1')).toMatchObject({ status: 200 });
  });

  it('[A13] opens nothing where it is missing, wrong or old', async () => {
    const { get } = stage();
    for (const cookie of [
      '',
      'parley_key_8080=',
      `parley_key_8080=${KEY}x`,
      `parley_key_9090=${KEY}`,
      `xparley_key_8080=${KEY}`,
      'parley_key_8080=é',
    ]) {
      const { status, body } = await get('/dev/mailbox', { ...HERE, cookie });
      expect([status, body], cookie).toEqual([403, 'Open the link that npm start printed: it has the key.']);
    }
    const wrong = await get('/?key=wrong');
    expect([wrong.status, wrong.location, wrong.cookie]).toEqual([303, './', '']);
    expect((await get('/')).body).toBe('chat');
  });

  it.each([
    ['x-forwarded-for', '10.0.0.1'],
    ['x-forwarded-proto', 'https'],
    ['x-forwarded-host', 'chat.test'],
    ['x-forwarded-prefix', '/chat'],
    ['forwarded', 'for=10.0.0.1'],
    ['via', '1.1 proxy'],
    ['x-real-ip', '127.0.0.1'],
    ['x-client-ip', '127.0.0.1'],
    ['true-client-ip', '10.0.0.1'],
    ['cf-connecting-ip', '10.0.0.1'],
    ['x-envoy-external-address', '10.0.0.1'],
    ['x-amzn-trace-id', 'x'],
  ])('[A13] opens nothing through a proxy: %s', async (name, value) => {
    const { get } = stage();
    const { status, body } = await get('/dev/mailbox', { ...HERE, cookie: COOKIE, [name]: value });
    expect([status, body]).toEqual([403, expect.stringContaining('a proxy forwarded the request')]);
    expect((await get(`/?key=${KEY}`, { ...HERE, [name]: value })).cookie).toBe('');
  });

  it.each(['evil.test', 'evil.test:8080', 'localhost.evil.test:8080', '10.0.0.1:8080'])(
    '[A13] opens nothing under a name that is not this machine: %s',
    async (host) => {
      const { get } = stage();
      expect((await get('/dev/mailbox', { host, cookie: `${COOKIE}; parley_key_80=${KEY}` })).status).toBe(403);
      expect((await get(`/?key=${KEY}`, { host })).cookie).toBe('');
    },
  );

  it('[A13] opens nothing to another machine, behind trusted proxies, and where people come from elsewhere', async () => {
    expect((await stage().get('/dev/mailbox', { ...HERE, cookie: COOKIE }, '10.0.0.1')).body).toContain('comes from another machine');
    for (const [more, why] of [
      [{ publicUrl: 'https://chat.test' }, 'PUBLIC_URL'],
      [{ publicUrl: 'http://localhost.evil.test/chat' }, 'PUBLIC_URL'],
      [{ trustedProxyHops: 1 }, 'TRUSTED_PROXY_HOPS'],
    ] as const) {
      const { localKey, get } = stage(more);
      expect(localKey.opens).toBe(false);
      expect((await get('/dev/mailbox', { ...HERE, cookie: COOKIE })).body).toContain(why);
      expect((await get(`/?key=${KEY}`)).cookie).toBe('');
    }
    expect(stage({ publicUrl: 'http://localhost:8080' }).localKey.opens).toBe(true);
  });

  it('[H8] leads back below the path of PUBLIC_URL', async () => {
    const { get } = stage({ publicUrl: 'http://localhost:8080/chat' });
    expect((await get(`/chat/?key=${KEY}`)).location).toBe('./');
  });
});
