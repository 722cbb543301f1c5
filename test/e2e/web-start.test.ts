import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { BODY_MAX_BYTES } from '#services/gateway/http-adapter.ts';
import { AllInOne } from '#test/support/all-in-one.ts';
import { ChatClient } from '#test/support/chat-client.ts';
import { freePort } from '#test/support/free-port.ts';
import { GatewayProcess } from '#test/support/gateway-process.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { RawClient, type RefusedError } from '#test/support/raw-client.ts';
import { exchange, parseAnswer } from '#test/support/raw-exchange.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { until, within } from '#test/support/wait.ts';

/** Of the chat's first load, packed. */
const SCRIPT_MAX_BYTES = 200_000;

interface Guest {
  readonly token: string;
  readonly expiresAt: number;
  readonly session: string;
  readonly user: { readonly id: string; readonly name: string; readonly kind: string };
}

let hub: AllInOne;
let database: PostgresDatabase;
beforeAll(async () => {
  database = await PostgresDatabase.create();
  hub = await AllInOne.start({ DATABASE_URL: database.url });
});
afterAll(async () => {
  await hub?.kill9();
  await database?.drop();
});

function post(url: string, body: string, headers: Record<string, string> = { 'content-type': 'application/json' }): Promise<Response> {
  return fetch(`${url}/api/v1/guests`, { method: 'POST', headers, body });
}

async function guest(url: string, name: string): Promise<Guest> {
  const response = await post(url, JSON.stringify({ name }));
  expect(response.status).toBe(201);
  return (await response.json()) as Guest;
}

/** What a browser shows for a link: it follows where that leads, with the cookie it was given. */
async function opened(link: string): Promise<Response> {
  const first = await fetch(link, { redirect: 'manual' });
  const place = first.headers.get('location');
  if (place === null) return first;
  return fetch(new URL(place, link), { headers: { cookie: first.headers.get('set-cookie')?.split(';')[0] ?? '' } });
}

describe('one port for all', () => {
  it('[H1] serves the page, the API and the WebSocket', async () => {
    const page = await fetch(hub.url);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await page.text()).toContain('Parley');
    expect(await (await fetch(`${hub.url}/api/v1/online`)).json()).toEqual({ count: 0 });
    const { token, user } = await guest(hub.url, 'Ann');
    const ann = await ChatClient.connect(hub.wsUrl, user.id, { token });
    expect(ann.welcome.user).toEqual(user);
    await until(async () => ((await (await fetch(`${hub.url}/api/v1/online`)).json()) as { count: number }).count === 1);
    await ann.close();
  });

  it('[H1] its pages have nothing inline, all they name is there, and the chat comes with less than 200 KB of script', async () => {
    const size = { script: 0 };
    for (const path of ['/', '/agent', '/widget.html']) {
      const html = await (await fetch(hub.url + path)).text();
      expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:/i);
      const files = [...html.matchAll(/\s(?:src|href)="([^"]+)"/g)].map(([, file = '']) => new URL(file, hub.url + path));
      expect(files.length).toBeGreaterThan(2);
      for (const file of files) {
        const answer = await fetch(file);
        expect(answer.status, file.href).toBe(200);
        const content = Buffer.from(await answer.arrayBuffer());
        if (path === '/' && file.pathname.endsWith('.js')) size.script += gzipSync(content, { level: 9 }).byteLength;
      }
    }
    expect(size.script).toBeGreaterThan(50_000);
    expect(size.script).toBeLessThan(SCRIPT_MAX_BYTES);
  });

  it('[H1] its pages have the styles of each part of Mantine that their scripts name', () => {
    const dist = join(import.meta.dirname, '../../services/web/dist/assets');
    const all = readFileSync(createRequire(import.meta.url).resolve('@mantine/core/styles.css'), 'utf8');
    const classes = (text: string) => new Set(text.match(/\bm_[0-9a-f]{6,8}\b/g));
    const built = (end: string) => globSync(`${dist}/*.${end}`).map((file) => readFileSync(file, 'utf8'));
    const [styled, there] = [classes(all), classes(built('css').join())];
    const named = [...classes(built('js').join())].filter((name) => styled.has(name));
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter((name) => !there.has(name))).toEqual([]);
  });

  it('[H1] keeps health and metrics on the other one', async () => {
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      expect((await fetch(`${hub.url}${path}`)).status).toBe(404);
      expect((await fetch(`http://127.0.0.1:${hub.adminPort}${path}`)).status).toBe(200);
    }
  });

  it('[A7] [A12] answers in one form, whatever is wrong', async () => {
    const wrong: [Promise<Response>, number, string][] = [
      [fetch(`${hub.url}/nothing`), 404, 'NOT_FOUND'],
      [fetch(`${hub.url}/api/v1/online`, { method: 'DELETE' }), 405, 'METHOD_NOT_ALLOWED'],
      [post(hub.url, '{"name":""}'), 400, 'NAME_INVALID'],
      [post(hub.url, '{"name":"Ann","kind":"agent"}'), 400, 'INVALID_REQUEST'],
      [post(hub.url, '{'), 400, 'INVALID_REQUEST'],
      [post(hub.url, 'name=Ann', { 'content-type': 'text/plain' }), 415, 'INVALID_REQUEST'],
      [post(hub.url, JSON.stringify({ name: 'x'.repeat(100_000) })), 413, 'TOO_LARGE'],
    ];
    for (const [answer, status, code] of wrong) {
      const response = await answer;
      expect(response.status).toBe(status);
      expect(await response.json()).toMatchObject({ code, message: expect.any(String), requestId: expect.any(String) });
    }
  });

  it('[A7] answers HEAD without a body, and many requests of one connection in turn', async () => {
    const head = await fetch(hub.url, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(await head.text()).toBe('');
    const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
    const three = await exchange(hub.port, get('/api/v1/online').repeat(3), (text) => text.split('{"count":').length === 4);
    expect(three.split('HTTP/1.1 200 OK')).toHaveLength(4);
    // As the bare request below, which takes no coding: each coding has a tag of its own.
    const etag = (await fetch(`${hub.url}/widget.js`, { headers: { 'accept-encoding': 'identity' } })).headers.get('etag') ?? '';
    const unchanged = await exchange(hub.port, get('/widget.js', `If-None-Match: ${etag}\r\n`), (text) => text.includes('\r\n\r\n'));
    expect(unchanged).toMatch(/^HTTP\/1\.1 304 Not Modified\r\n/);
  });

  it('[A7] gives no file away', async () => {
    for (const path of [
      '/../package.json',
      '/..%2f..%2fpackage.json',
      '/%2e%2e/%2e%2e/package.json',
      '//etc/passwd',
      '/./../main.ts',
      '/\\..\\main.ts',
      '/widget.js%00',
    ]) {
      const answer = await exchange(hub.port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, (text) => text.endsWith('}'));
      expect(answer, path).toMatch(/^HTTP\/1\.1 40[04] /);
      expect(answer).toContain('"code"');
    }
  });

  it('[A7] lives on when bodies break off, and when they never end', async () => {
    const cut = connect(hub.port, '127.0.0.1');
    cut.write('POST /api/v1/guests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"name":');
    cut.destroySoon();
    // Just one byte over the cap: a server that closes with bytes unread would lose its own answer.
    const large = `POST /api/v1/guests HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n${'x'.repeat(BODY_MAX_BYTES + 1)}`;
    expect(await exchange(hub.port, large, (text) => text.includes('TOO_LARGE'))).toMatch(/^HTTP\/1\.1 413/);
    expect(await (await fetch(`${hub.url}/api/v1/online`)).json()).toEqual({ count: 0 });
  });
});

describe('what is for the person at the machine alone', () => {
  it('[A13] the mailbox and the admin pages open by the links that were printed, and by nothing else', async () => {
    const admin = `http://127.0.0.1:${hub.adminPort}/admin/`;
    for (const url of [`${hub.url}/dev/mailbox`, admin, `${admin}api/hub`]) {
      const closed = await fetch(url);
      expect([closed.status, ((await closed.json()) as { message: string }).message], url).toEqual([
        403,
        expect.stringContaining('Open the link that npm start printed'),
      ]);
    }
    const exchanged = await fetch(hub.chatLink, { redirect: 'manual' });
    expect([exchanged.status, exchanged.headers.get('location')]).toEqual([303, './']);
    const cookie = exchanged.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/; Path=\/dev; HttpOnly; SameSite=Strict$/);
    const mailbox = (more: Record<string, string>) =>
      fetch(`${hub.url}/dev/mailbox`, { headers: { cookie: cookie.split(';')[0] ?? '', ...more } });
    expect((await mailbox({})).status).toBe(200);
    for (const header of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip'])
      expect((await mailbox({ [header]: '127.0.0.1' })).status).toBe(403);
    expect((await opened(hub.links.get('admin') ?? '')).status).toBe(200);
    // As nginx asks with a plain proxy_pass, which adds no header: with HTTP/1.0.
    const link = new URL(hub.links.get('admin') ?? '');
    for (const version of ['1.1', '1.0']) {
      const text = `GET ${link.pathname}${link.search} HTTP/${version}\r\nHost: ${link.host}\r\nConnection: close\r\n\r\n`;
      const answer = parseAnswer(await exchange(hub.adminPort, text));
      expect([answer.status, 'set-cookie' in answer.headers], version).toEqual([303, version === '1.1']);
    }
    const ofHub = `GET /dev/mailbox HTTP/1.0\r\nHost: localhost:${hub.port}\r\nCookie: ${cookie.split(';')[0]}\r\n\r\n`;
    expect(parseAnswer(await exchange(hub.port, ofHub)).status).toBe(505);
    // The log is for others to read, too.
    const key = new URL(hub.chatLink).searchParams.get('key') ?? '';
    expect(key.length).toBeGreaterThan(20);
    const log = hub.child.output.split('\n').filter((line) => line.startsWith('{'));
    expect(log.join('\n')).not.toContain(key);
  });

  it('[A13] [H9] stays closed where people come from elsewhere; every answer is for TLS alone then, and none names a version', async () => {
    const own = await AllInOne.start({ DATABASE_URL: database.url, PUBLIC_URL: 'https://chat.example/talk' });
    expect([...own.links]).toEqual([
      ['chat', 'https://chat.example/talk/'],
      ['agents', 'https://chat.example/talk/agent'],
      ['HTTP API', 'https://chat.example/talk/docs'],
      ['admin', expect.stringContaining('ADMIN_PASSWORD')],
    ]);
    for (const url of [`${own.url}/dev/mailbox`, `http://127.0.0.1:${own.adminPort}/admin/`]) {
      const closed = await fetch(url);
      expect([closed.status, ((await closed.json()) as { message: string }).message]).toEqual([403, expect.stringContaining('PUBLIC_URL')]);
    }
    const { token } = await guest(own.url, 'Ann');
    const answers: Headers[] = [];
    for (const [path, init, status] of [
      ['/', {}, 200],
      ['/talk', { redirect: 'manual' }, 308],
      ['/docs', {}, 200],
      ['/widget.js', {}, 200],
      ['/nothing', {}, 404],
      ['/ws/chat', {}, 400],
      ['//', {}, 400],
      ['/api/v1/online', {}, 200],
      ['/api/v1/online', { method: 'DELETE' }, 405],
      ['/api/v1/online', { method: 'PROPFIND' }, 405],
      ['/api/v1/auth/refresh', { method: 'POST' }, 401],
      ['/api/v1/guests', { method: 'POST', body: 'x'.repeat(BODY_MAX_BYTES + 1), headers: { 'content-type': 'application/json' } }, 413],
    ] as const) {
      const answer = await fetch(own.url + path, init);
      expect(answer.status, path).toBe(status);
      answers.push(answer.headers);
    }
    const raw = await RawClient.open(`${own.url}/ws/chat`, { token });
    answers.push(new Headers([...raw.response.headers]));
    raw.reset();
    // Whether this room may be entered is asked of the database.
    const entered = await RawClient.open(`${own.url}/chat/park`, { token });
    answers.push(new Headers([...entered.response.headers]));
    entered.reset();
    const refused = await RawClient.open(`${own.url}/ws/chat`).catch((error: RefusedError) => error);
    answers.push(new Headers([...refused.response.headers]));
    expect(new Set(answers.map((headers) => headers.get('strict-transport-security')))).toEqual(new Set(['max-age=15552000']));
    for (const headers of answers)
      expect([headers.get('uwebsockets'), headers.get('server'), headers.get('x-powered-by')]).toEqual([null, null, null]);
    expect((await fetch(hub.url)).headers.get('strict-transport-security')).toBeNull();
    await own.kill9();
  });
});

describe('starting', () => {
  it('names all its pages, and leaves with 0 when asked', async () => {
    const own = await AllInOne.start({ DRAIN_SECONDS: '30', DATABASE_URL: database.url });
    await until(() => own.child.output.includes(`Parley is at http://localhost:${own.port} `));
    const pages = [...own.links].map(([name, address]) => [name, new URL(address).pathname]);
    expect(pages).toEqual([
      ['chat', '/'],
      ['agents', '/agent'],
      ['HTTP API', '/docs'],
      ['admin', '/admin/'],
    ]);
    for (const address of own.links.values()) {
      const page = await opened(address);
      expect([page.status, page.headers.get('content-type')], address).toEqual([200, expect.stringContaining('text/html')]);
    }
    expect((await own.stop()).code).toBe(0);
  });

  it('says in one line that a port is taken, and exits', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, resolve));
    const address = taken.address();
    const port = String(typeof address === 'object' ? address?.port : undefined);
    for (const [name, env] of [
      ['PORT', { PORT: port }],
      ['ADMIN_PORT', { ADMIN_PORT: port, ADMIN_HOST: '0.0.0.0' }],
    ] as const) {
      const child = AllInOne.launch({ ...env, DATABASE_URL: database.url, LOG_LEVEL: 'silent' });
      expect((await within(20_000, 'the end', child.exited)).code).toBe(1);
      expect(child.output.trim().split('\n')).toEqual([expect.stringMatching(new RegExp(`port ${port} is taken.*${name}`))]);
    }
    taken.close();
  });

  it('names every setting it cannot take, and exits', async () => {
    const child = AllInOne.launch({ PORT: 'eighty', ALLOW_GUESTS: 'maybe', GATEWAY_PROCESSES: '0', LOG_LEVEL: 'silent' });
    expect((await within(20_000, 'the end', child.exited)).code).toBe(1);
    for (const name of ['PORT', 'ALLOW_GUESTS', 'GATEWAY_PROCESSES']) expect(child.output).toContain(`parley: ${name} takes`);
    expect(child.output).not.toContain('at ');
  });

  it('[A7] lets no guest in where they are not allowed', async () => {
    const own = await AllInOne.start({ ALLOW_GUESTS: 'off', DATABASE_URL: database.url });
    const response = await post(own.url, '{"name":"Ann"}');
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: 'FORBIDDEN' });
    await own.kill9();
  });
});

describe('with REDIS_URL', () => {
  it('waits for a Redis that is away and says so; then it is one more node', async () => {
    const port = await freePort();
    const env = { REDIS_URL: `redis://127.0.0.1:${port}`, DATABASE_URL: database.url };
    const starting = AllInOne.start(env);
    // Redis comes only when the hub said that it waits for it.
    const waiting = AllInOne.launch(env);
    await until(() => waiting.output.includes(`waiting for Redis at 127.0.0.1:${port}`), {
      timeoutMs: 20_000,
      describe: () => waiting.output,
    });
    waiting.signal('SIGTERM');
    await within(30_000, 'the one that waited ended', waiting.exited);
    const redis = await RedisServer.start({ port });
    try {
      const joined = await starting;
      const gateway = await GatewayProcess.start(env);
      const { token, user } = await guest(joined.url, 'Ann');
      const ann = await ChatClient.connect(gateway.url, user.id, { token });
      const bob = await ChatClient.connect(joined.wsUrl, 'bob');
      await Promise.all([ann.join('park'), bob.join('park')]);
      await ann.message('park', 'over there?');
      await bob.waitFor('message', (frame) => JSON.stringify(frame).includes('over there?'));
      await until(async () => ((await (await fetch(`${joined.url}/api/v1/online`)).json()) as { count: number }).count === 2);
      await Promise.all([ann.close(), bob.close()]);
      await Promise.all([gateway.kill9(), joined.kill9()]);
    } finally {
      await redis.stop();
    }
  });
});
