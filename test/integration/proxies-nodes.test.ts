import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiProcess } from '#test/support/api-process.ts';
import { ChatClient } from '#test/support/chat-client.ts';
import { Crowd } from '#test/support/crowd.ts';
import { freePort } from '#test/support/free-port.ts';
import type { GatewayProcess } from '#test/support/gateway-process.ts';
import { HaProxy } from '#test/support/haproxy.ts';
import { signToken } from '#test/support/jwt.ts';
import { Nginx } from '#test/support/nginx.ts';
import { Random } from '#test/support/random.ts';
import { exchange, parseAnswer } from '#test/support/raw-exchange.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { messageOf } from '#test/support/server-frame.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

/** The files of deploy/ in front of several nodes. Nothing in them is changed but the addresses. */
const deployed = (path: string): string => readFileSync(new URL(`../../deploy/${path}`, import.meta.url), 'utf8');
const HANDSHAKES = 80;
/** On each proxy. */
const USERS = 3;
const HANDSHAKE = [
  'Host: chat.test',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

let hub: TestHub<RedisServer>;
let api: ApiProcess;
let nginx: Nginx;
let haproxy: HaProxy;
/** The addresses of gateway-1 and gateway-2. A restarted node has those of the one before. */
let addresses: readonly { readonly port: number; readonly adminPort: number }[];
TestHub.showLogs(() => hub);

/** Replaces each text, which must be there. */
function rendered(text: string, replacements: readonly (readonly [string, string])[]): string {
  return replacements.reduce((rest, [from, to]) => {
    if (!rest.includes(from)) throw new Error(`the file of deploy/ has no ${from}`);
    return rest.replaceAll(from, to);
  }, text);
}

const nginxFile = (port: number): string =>
  rendered(deployed('nginx/parley.conf'), [
    ['listen 8080;', `listen 127.0.0.1:${port};`],
    ...addresses.map((address, n) => [`gateway-${n + 1}:8080`, `127.0.0.1:${address.port}`] as const),
    [' api:8080', ` 127.0.0.1:${api.port}`],
  ]);
const haproxyFile = (port: number): string =>
  rendered(deployed('haproxy/haproxy.cfg'), [
    ['bind :8080', `bind 127.0.0.1:${port}`],
    ...addresses.map(
      (address, n) =>
        [`gateway-${n + 1} gateway-${n + 1}:8080`, `gateway-${n + 1} 127.0.0.1:${address.port} port ${address.adminPort}`] as const,
    ),
    ['api:8080 check port 9090', `127.0.0.1:${api.port} check port ${api.adminPort}`],
  ]);

beforeAll(async () => {
  const settings = {
    TRUSTED_PROXY_HOPS: '1',
    // Both proxies leave the path. It is no matter of the path which address is there.
    PUBLIC_URL: 'http://127.0.0.1:8080/chat',
    HANDSHAKES_PER_MINUTE: String(HANDSHAKES),
    DRAIN_SECONDS: '20',
    DRAIN_LISTEN_SECONDS: '2',
  };
  hub = await TestHub.single({ gateways: 0, env: settings });
  const ports = await Promise.all(Array.from({ length: 4 }, freePort));
  addresses = [0, 1].map((n) => ({ port: ports[n] ?? 0, adminPort: ports[n + 2] ?? 0 }));
  await Promise.all(addresses.map(start));
  const { REDIS_URL, DATABASE_URL } = hub.settings;
  api = await ApiProcess.start({ ...settings, REDIS_URL, DATABASE_URL });
  [nginx, haproxy] = await Promise.all([Nginx.start(nginxFile), HaProxy.start(haproxyFile)]);
});
afterAll(async () => {
  await Promise.all([nginx?.stop(), haproxy?.stop(), api?.kill9()]);
  await hub?.stop();
});

const PROXIES = [
  ['nginx', () => nginx],
  ['HAProxy', () => haproxy],
] as const;

/** Starts a node at an address. */
const start = ({ port, adminPort }: (typeof addresses)[number]): Promise<GatewayProcess> =>
  hub.add({ PORT: String(port), ADMIN_PORT: String(adminPort) });

/** A handshake of a client at `from`, which says that it is somebody else. */
async function shake(port: number, from: string, forged: string): Promise<number> {
  const lines = [`X-Forwarded-For: ${forged}`, `Authorization: Bearer ${signToken({ sub: 'ada' })}`];
  const text = ['GET /ws/chat HTTP/1.1', ...HANDSHAKE, ...lines, '', ''].join('\r\n');
  return parseAnswer(await exchange(port, text, (read) => read.includes('\r\n\r\n'), from)).status;
}

describe.each(PROXIES)('%s with its file of deploy/, before two gateways and the API', (name, proxy) => {
  it('[H8] sends WebSockets to any node and all else to the API, below a path and without; nobody names a server', async () => {
    const clients = [];
    for (const path of ['/chat/ws/chat', '/ws/chat']) {
      const client = await ChatClient.connect(`ws://127.0.0.1:${proxy().port}`, `${name}-ada`, { path });
      clients.push(client);
      expect([...client.raw.response.headers.keys()]).not.toContain('uwebsockets');
    }
    // The same user: nothing is sticky, the node with the fewest connections takes the next.
    expect(new Set(clients.map(({ welcome }) => welcome['node'])).size).toBe(2);
    await Promise.all(clients.map((client) => client.close()));

    for (const path of ['/chat/docs', '/docs', '/chat/api/v1/online', '/api/v1/online']) {
      const answer = await fetch(proxy().url + path);
      await answer.arrayBuffer();
      expect([path, answer.status, answer.headers.get('uwebsockets')]).toEqual([path, 200, null]);
      expect(answer.headers.get('server') ?? '').not.toMatch(/\d/);
    }
    const refused = await shakeWithout(proxy().port);
    expect([refused.status, refused.headers['uwebsockets']]).toEqual([401, undefined]);
  });

  it('[H4] the limits know the client: a flood from one address meets them whatever it says, another address does not', async () => {
    const [flooder, other] = name === 'nginx' ? ['127.0.0.31', '127.0.0.32'] : ['127.0.0.41', '127.0.0.42'];
    const statuses: number[] = [];
    // Each of two nodes counts for itself.
    for (let n = 0; n < 3 * HANDSHAKES; n += 1) statuses.push(await shake(proxy().port, flooder, `203.0.113.${n}`));
    expect(statuses.filter((status) => status === 101)).toHaveLength(2 * HANDSHAKES);
    expect(statuses.filter((status) => status === 429)).toHaveLength(HANDSHAKES);
    expect(await shake(proxy().port, other, flooder)).toBe(101);
  });

  it('[D1] a reload of the proxy moves no connection, and messages go on over it', async () => {
    const url = `ws://127.0.0.1:${proxy().port}`;
    const room = `reload-${name}`;
    const [ada, bob] = await Promise.all([ChatClient.connect(url, 'ada'), ChatClient.connect(url, 'bob')]);
    await Promise.all([ada.join(room), bob.join(room)]);
    await proxy().change(name === 'nginx' ? nginxFile : haproxyFile);
    await ada.message(room, 'over the old worker');
    const newcomer = await ChatClient.connect(url, 'cyd');
    await newcomer.join(room);
    await newcomer.message(room, 'over the new one');
    await until(() => bob.of('message').length === 2, { describe: () => `both came: ${JSON.stringify([bob.closes, bob.frames])}` });
    await until(() => ada.of('message').some((frame) => messageOf(frame).text === 'over the new one'), { describe: 'and to the sender' });
    await Promise.all([ada, bob, newcomer].map((client) => client.close()));
  });
});

it('[D1] gateways restart one after the other behind both proxies: no client fails to connect, no message is lost', async () => {
  let attempts = 0;
  const places = PROXIES.flatMap(([, proxy]) => Array(USERS).fill({ url: `ws://127.0.0.1:${proxy().port}/chat`, ended: false }));
  const crowd = await Crowd.gather({
    room: 'rolling',
    random: Random.fromEnvironment('proxies-nodes'),
    on: places,
    tokenFor: (sub) => {
      attempts += 1;
      return signToken({ sub });
    },
  });
  crowd.talk();
  await crowd.progress(10);
  for (const gateway of [...hub.gateways]) {
    expect(await gateway.term()).toBe(0);
    await until(() => crowd.clients.every(({ connected }) => connected), { describe: 'all came back' });
    await crowd.progress(10);
    const next = await start(gateway);
    await until(async () => (await fetch(`${next.adminUrl}/readyz`)).ok, { describe: 'it is ready' });
    // HAProxy looks once a second, and nginx tries again after two.
    const newcomer = async (port: number): Promise<boolean> => {
      const client = await ChatClient.connect(`ws://127.0.0.1:${port}`, 'newcomer');
      await client.close();
      return client.welcome['node'] === next.node;
    };
    for (const [, proxy] of PROXIES) await until(() => newcomer(proxy().port), { describe: 'newcomers reach it', everyMs: 300 });
  }
  await crowd.rest();
  expect(crowd.compare()).toMatchObject({ violations: [] });
  const closes = crowd.clients.flatMap((client) => client.closes.map(({ code }) => code));
  expect(closes.length).toBeGreaterThanOrEqual(places.length);
  expect(closes.filter((code) => code !== 'DRAINING')).toEqual([]);
  const arrivals = crowd.clients.flatMap(({ states }) => states.filter((state) => state === 'connected'));
  expect(arrivals).toHaveLength(attempts);
  await crowd.close();
});

/** A handshake without a token. */
async function shakeWithout(port: number): Promise<ReturnType<typeof parseAnswer>> {
  const text = ['GET /ws/chat HTTP/1.1', ...HANDSHAKE, '', ''].join('\r\n');
  return parseAnswer(await exchange(port, text, (read) => read.includes('\r\n\r\n')));
}
