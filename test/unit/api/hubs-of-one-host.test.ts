import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cookieSuffix } from '#libs/config/public-url.ts';
import { hasLogin } from '#services/web/src/login/browser-login.ts';
import { ApiWorld, cookieOf, jsonOf } from '#test/support/api-world.ts';

const ORIGIN = { origin: 'http://chat.test' };
/** As a browser sends the cookies that an answer set. */
const sent = (reply: { readonly headers: Readonly<Record<string, string | string[]>> }): string =>
  [reply.headers['set-cookie'] ?? []]
    .flat()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');
const namesOf = (cookies: string): string[] => cookies.split('; ').map((cookie) => cookie.split('=')[0] ?? '');

describe('hubs under one host name', () => {
  it.each([
    [undefined, ''],
    ['https://chat.test', ''],
    ['https://chat.test:8443', '_8443'],
    ['https://chat.test/chat', '+chat'],
    ['http://chat.test:8080/a/b_c', '_8080+a+b_c'],
  ])('[A4] [A5] [A17] cookies of %s end with "%s"', async (publicUrl, suffix) => {
    expect(cookieSuffix(publicUrl)).toBe(suffix);
    const world = new ApiWorld({ publicUrl });
    const guest = await world.post('/guests', { name: 'Ann' });
    expect(namesOf(sent(guest))).toEqual([`parley_guest${suffix}`, `parley_refresh${suffix}`, `parley_in${suffix}`]);
    expect(namesOf(sent(await world.post('/customers', { name: 'Zoe', channel: 'shop' })))).toEqual([
      `parley_visitor${suffix}`,
      `parley_customer${suffix}`,
      `parley_customer_in${suffix}`,
    ]);
    expect(namesOf(sent(await world.post('/auth/code', { account: 'ann@corp.test' })))).toEqual([`parley_attempt${suffix}`]);
    // They are read, and taken back, under the same names.
    const renewed = await world.post('/auth/refresh', '', { ...ORIGIN, cookie: sent(guest) });
    expect([renewed.status, namesOf(sent(renewed))]).toEqual([200, namesOf(sent(guest)).slice(1)]);
    const left = await world.post('/auth/logout', '', { ...ORIGIN, cookie: sent(renewed) });
    expect([left.status, cookieOf(left, `parley_refresh${suffix}`), cookieOf(left, `parley_in${suffix}`)]).toEqual([204, '', '']);
    expect(hasLogin(sent(guest), 'parley_in', suffix)).toBe(true);
    expect(hasLogin(sent(guest), 'parley_in', `${suffix}+other`)).toBe(false);
  });

  it('[A4] [A5] one takes back no cookie of another, and its own as before', async () => {
    const [here, there] = [new ApiWorld(), new ApiWorld()];
    // Each counts its own ids: theirs are different ones.
    for (let n = 0; n < 40; n++) await here.post('/guests', { name: '' });
    const foreign = sent(await here.post('/guests', { name: 'Ann' }));
    for (const cookie of [foreign, 'parley_refresh=none-of-ours']) {
      const refused = await there.post('/auth/refresh', '', { ...ORIGIN, cookie });
      expect([refused.status, refused.headers['set-cookie']], cookie).toEqual([401, undefined]);
      const left = await there.post('/auth/logout', '', { ...ORIGIN, cookie });
      expect([left.status, left.headers['set-cookie']], cookie).toEqual([204, undefined]);
      const { token } = jsonOf(await there.post('/guests', { name: 'Bob' }));
      const out = await there.post('/auth/logout', '', { ...ORIGIN, cookie, authorization: `Bearer ${token}` });
      expect([out.status, out.headers['set-cookie']], cookie).toEqual([204, undefined]);
    }
    expect((await here.post('/auth/refresh', '', { ...ORIGIN, cookie: foreign })).status).toBe(200);
    const customer = await here.post('/customers', { name: 'Zoe', channel: 'shop' });
    const other = await there.post(
      '/customers/token',
      { customerId: jsonOf(customer)['id'], channel: 'shop' },
      { ...ORIGIN, cookie: sent(customer) },
    );
    expect([other.status, other.headers['set-cookie']]).toEqual([401, undefined]);
    const own = sent(await there.post('/guests', { name: 'Bea' }));
    await there.post('/auth/logout', '', { ...ORIGIN, cookie: own });
    const over = await there.post('/auth/refresh', '', { ...ORIGIN, cookie: own });
    expect([over.status, cookieOf(over)]).toEqual([401, '']);
  });

  it('[A4] a page knows the names of its hub', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'parley-page-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'index.html'), '<!doctype html>\n<html lang="en"><title>chat</title></html>');
    writeFileSync(join(folder, 'index.html.br'), 'packed');
    const marked = await new ApiWorld({ page: folder, publicUrl: 'https://chat.test:8443/chat' }).get('/', { 'accept-encoding': 'br' });
    expect(marked.body.toString()).toBe('<!doctype html>\n<html data-cookies="_8443+chat" lang="en"><title>chat</title></html>');
    expect(marked.headers['content-encoding']).toBeUndefined();
    const plain = await new ApiWorld({ page: folder }).get('/');
    expect(plain.body.toString()).not.toContain('data-cookies');
    expect(plain.headers['etag']).not.toBe(marked.headers['etag']);
  });
});
