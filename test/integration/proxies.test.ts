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

const SECURITY = readFileSync(fileURLToPath(new URL('../../SECURITY.md', import.meta.url)), 'utf8');
const PAUSE_MS = 30_000;
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

function status(port: number, agent: Agent, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const out = request({ host: '127.0.0.1', port, agent, path }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
    });
    out.once('error', reject).end();
  });
}

async function shake(port: number, from: string, line: string, lines: readonly string[]): Promise<number> {
  const text = [`${line} HTTP/1.1`, ...HANDSHAKE, ...lines, '', ''].join('\r\n');
  return parseAnswer(await exchange(port, text, (read) => read.includes('\r\n\r\n'), from)).status;
}

describe('a hub behind the proxies of SECURITY.md', { timeout: 120_000 }, () => {
  it('[A1] answers after pauses in which connections grow old', async () => {
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
