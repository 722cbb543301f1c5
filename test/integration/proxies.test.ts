import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TOKEN_MAX_BYTES } from '#libs/protocol/limits.ts';
import { AllInOne } from '#test/support/all-in-one.ts';
import { HaProxy } from '#test/support/haproxy.ts';
import { signToken } from '#test/support/jwt.ts';
import { Nginx } from '#test/support/nginx.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { exchange, parseAnswer } from '#test/support/raw-exchange.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';

const SECURITY = readFileSync(fileURLToPath(new URL('../../SECURITY.md', import.meta.url)), 'utf8');
const PAUSE_MS = 30_000;
/** The line between proxy and hub: who closes is heard of this much later. */
const LATENCY_MS = 400;
/** Connections that were used once, and when the first of them is used again: the hub's port closes what is idle after some 8 to 12 s. */
const KEPT = Array.from({ length: 16 }, (_, n) => n);
const AGAIN_MS = 7500;
const APART_MS = 320;
const HANDSHAKES = 4;
const HANDSHAKE = [
  'Host: chat.test',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

let database: PostgresDatabase;
let hub: AllInOne;
let nginx: Nginx;
let haproxy: HaProxy;

/** What SECURITY.md has for a proxy, at ports of this test. */
function snippet(language: string, port: number): string {
  const text = SECURITY.split(`\`\`\`${language}\n`)[1]?.split('```')[0];
  if (text === undefined) throw new Error(`SECURITY.md has nothing for ${language}`);
  return text
    .replace('127.0.0.1:8080', `127.0.0.1:${hub.port}`)
    .replace('port 9090', `port ${hub.adminPort}`)
    .replace('127.0.0.1:80', `127.0.0.1:${port}`);
}

beforeAll(async () => {
  database = await PostgresDatabase.create();
  hub = await AllInOne.start({
    DATABASE_URL: database.url,
    TRUSTED_PROXY_HOPS: '1',
    HANDSHAKES_PER_MINUTE: String(HANDSHAKES),
  });
  [nginx, haproxy] = await Promise.all([Nginx.start((port) => snippet('nginx', port)), HaProxy.start((port) => snippet('haproxy', port))]);
});
afterAll(async () => {
  await Promise.all([nginx?.stop(), haproxy?.stop(), hub?.kill9()]);
  await database?.drop();
});

const PROXIES = [
  ['nginx', () => nginx],
  ['HAProxy', () => haproxy],
] as const;

function status(port: number, agent: Agent | false, path: string, method = 'GET'): Promise<number> {
  return new Promise((resolve, reject) => {
    const out = request({ host: '127.0.0.1', port, agent, path, method }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
    });
    out.once('error', reject).end();
  });
}

/** Proxies that keep every connection they may, one for each path `/kept/<n>`. */
const KEEPING = {
  nginx: (target: number) => (port: number) =>
    [
      ...KEPT.map((n) => `upstream kept${n} { server 127.0.0.1:${target}; keepalive 1; }`),
      `server { listen 127.0.0.1:${port}; proxy_http_version 1.1; proxy_set_header Connection "";`,
      ...KEPT.map((n) => `location = /kept/${n} { proxy_pass http://kept${n}; }`),
      '}',
    ].join('\n'),
  haproxy: (target: number) => (port: number) =>
    [
      'defaults',
      '  mode http',
      '  timeout connect 5s',
      '  timeout client 60s',
      '  timeout server 60s',
      '  http-reuse always',
      'frontend chat',
      `  bind 127.0.0.1:${port}`,
      '  use_backend kept%[path,field(3,/)] if { path_beg /kept/ }',
      '  default_backend kept0',
      ...KEPT.flatMap((n) => [`backend kept${n}`, `  server hub 127.0.0.1:${target} pool-purge-delay 60s`]),
      '',
    ].join('\n'),
} as const;

async function shake(port: number, from: string, line: string, lines: readonly string[]): Promise<number> {
  const text = [`${line} HTTP/1.1`, ...HANDSHAKE, ...lines, '', ''].join('\r\n');
  return parseAnswer(await exchange(port, text, (read) => read.includes('\r\n\r\n'), from)).status;
}

describe('a hub behind the proxies of SECURITY.md', { timeout: 120_000 }, () => {
  it.concurrent('[A1] is asked over no connection that it is about to close', async ({ onTestFinished }) => {
    const line = await TcpProxy.start({ target: hub.port });
    line.delay(LATENCY_MS);
    const proxies = [await Nginx.start(KEEPING.nginx(line.port)), await HaProxy.start(KEEPING.haproxy(line.port))];
    onTestFinished(async () => {
      await Promise.all(proxies.map((proxy) => proxy.stop()));
      await line.stop();
    });
    // Of a POST nobody can tell whether it was done: no proxy sends it again.
    const ask = (waitMs: (n: number) => number) =>
      Promise.all(proxies.flatMap(({ port }) => KEPT.map((n) => delay(waitMs(n)).then(() => status(port, false, `/kept/${n}`, 'POST')))));
    await ask(() => 0);
    const answers = await ask((n) => AGAIN_MS + n * APART_MS);
    expect(answers).toEqual(Array(2 * KEPT.length).fill(404));
  });

  it.concurrent('[A1] answers after pauses in which connections grow old', async () => {
    const statuses = await Promise.all(
      PROXIES.map(async ([, proxy]) => {
        const agent = new Agent({ keepAlive: true, maxSockets: 2 });
        const ask = () =>
          Promise.all(['/api/v1/online', '/', '/api/v1/online', '/nowhere'].map((path) => status(proxy().port, agent, path)));
        const before = await ask();
        await delay(PAUSE_MS);
        const after = await ask();
        agent.destroy();
        return [before, after];
      }),
    );
    expect(statuses.flat()).toEqual(Array(4).fill([200, 200, 200, 404]));
  });

  it.each(PROXIES)('[H4] %s: a client cannot forge its address', async (name, proxy) => {
    const from = name === 'nginx' ? '127.0.0.11' : '127.0.0.12';
    const statuses: number[] = [];
    for (let n = 0; n < HANDSHAKES * 2; n += 1) {
      statuses.push(
        await shake(proxy().port, from, 'GET /ws/chat', [
          `X-Forwarded-For: 203.0.113.${n}`,
          `Authorization: Bearer ${signToken({ sub: 'ada' })}`,
        ]),
      );
    }
    expect(statuses).toEqual([...Array(HANDSHAKES).fill(101), ...Array(HANDSHAKES).fill(429)]);
  });

  it.each(PROXIES)('[H3] %s: a token of 8 KB passes, in a header and in the path', async (name, proxy) => {
    const from = name === 'nginx' ? '127.0.0.21' : '127.0.0.22';
    const pad = Math.floor(((TOKEN_MAX_BYTES - signToken({ sub: 'ada', pad: '' }).length) * 3) / 4) - 4;
    const token = signToken({ sub: 'ada', pad: 'x'.repeat(pad) });
    expect(token.length).toBeGreaterThan(TOKEN_MAX_BYTES - 16);
    expect(await shake(proxy().port, from, 'GET /ws/chat', [`Authorization: Bearer ${token}`, `Cookie: a=${'c'.repeat(4000)}`])).toBe(101);
    expect(await shake(proxy().port, from, `GET /websocket/${token}`, [])).toBe(101);
  });
});
