import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { ChatClient } from '#test/support/chat-client.ts';
import type { GatewayProcess } from '#test/support/gateway-process.ts';
import { signToken } from '#test/support/jwt.ts';
import { RawClient, type RawClientOptions, type RawResponse, RefusedError } from '#test/support/raw-client.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

const SESSION = '8C4FF1D6-44a4-4c6b-9a1e-0e4a2a4f8b5d';
const ALLOWED = 'https://shop.example';

let hub: TestHub<RedisServer>;
let gateway: GatewayProcess;
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 1, env: { ALLOWED_ORIGINS: `${ALLOWED},https://other.example:8443`, OPEN_ROOMS: 'off' } });
  gateway = hub.gateway(0);
});
afterEach(() => hub.clear());
afterAll(() => hub?.stop());

const token = (more: object = {}): string => signToken({ sub: 'ada', rooms: ['tea'], ...more });

/** The answer to an upgrade that must not succeed. */
async function refusal(path: string, options: RawClientOptions = {}, at: GatewayProcess = gateway): Promise<RawResponse> {
  const opened = await RawClient.open(`${at.url}${path}`, options).catch((error: unknown) => error);
  if (opened instanceof RefusedError) return opened.response;
  if (!(opened instanceof RawClient)) throw opened;
  opened.reset();
  throw new Error(`let in: ${path}`);
}

/** H4: status, both headers and the body say the same. */
async function isRefused(status: number, code: string, path: string, options: RawClientOptions = {}): Promise<RawResponse> {
  const response = await refusal(path, options);
  const message = response.headers.get('x-websocket-error-message');
  expect({ status: response.status, code: response.headers.get('x-websocket-error-code') }, path).toEqual({ status, code });
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(JSON.parse(response.body)).toEqual({ code, message });
  expect(message?.length).toBeGreaterThan(5);
  return response;
}

/** What a client gets that asked for close codes (H5): the subprotocol echoed, every frame, and the end. */
async function closeOf(
  path: string,
  options: RawClientOptions = {},
  at: GatewayProcess = gateway,
): Promise<{ code: number; reason: string; frames: string[] }> {
  const frames: string[] = [];
  const raw = await RawClient.open(`${at.url}${path}`, {
    protocols: ['parley.v1', 'parley.v1+close'],
    ...options,
    onText: (text) => frames.push(text),
  });
  return { ...(await raw.closed), frames };
}

describe('paths', () => {
  it('[H1] takes a session label, and gives one where there is none', async () => {
    const labelled = await hub.client('ada', 0, { session: SESSION });
    expect(labelled.welcome.session).toBe(SESSION.toLowerCase());
    const fresh = await hub.client('bob', 0, { session: '' });
    expect(fresh.welcome.session).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });

  it('[H1] [H4] refuses paths, rooms, sessions and positions it does not know', async () => {
    const paths = [
      '/',
      '/ws',
      '/ws/chat/',
      '/ws/chat/x',
      '/ws/other',
      '/chat',
      '/chat/',
      '/chat/a/b/c',
      '/websocket',
      '/websocket/',
      '/websocket/a/b',
      '/api/v1/online',
    ];
    const rooms = ['/chat/a%20b', `/chat/${'x'.repeat(129)}`, '/chat/%7Btea%7D', '/chat/t%C3%A9', '/chat/%zz', '/chat/a%2fb', '/chat/a%00'];
    const queries = [
      'session=',
      'session=1',
      `session=${SESSION}x`,
      'session=%00',
      'epoch=x',
      'offset=1',
      'epoch=x&offset=-1',
      'epoch=x&offset=1e3',
      `epoch=x&offset=${'9'.repeat(40)}`,
    ];
    for (const path of [...paths, ...rooms, ...queries.map((query) => `/chat/tea?${query}`)]) {
      await isRefused(400, 'INVALID_REQUEST', path, { token: token() });
    }
  });

  it('[H4] refuses what is no upgrade', async () => {
    for (const path of ['/ws/chat', '/chat/tea', '/websocket/x']) {
      const response = await fetch(`${gateway.httpUrl}${path}`, { headers: { authorization: `Bearer ${token()}` } });
      expect(response.status).toBe(400);
      expect(response.headers.get('x-websocket-error-code')).toBe('INVALID_REQUEST');
      expect(await response.json()).toMatchObject({ code: 'INVALID_REQUEST' });
    }
  });

  it('[H4] puts nothing of the request into its headers', async () => {
    for (const path of ['/chat/a%0d%0aX-Evil:%201', '/chat/tea?session=%0d%0aX-Evil:%201', '/%0d%0aX-Evil:%201']) {
      const { headers } = await isRefused(400, 'INVALID_REQUEST', path, { token: token() });
      expect(headers.has('x-evil')).toBe(false);
    }
  });

  it('[H4] refuses the room of the path where it is not open', async () => {
    for (const room of ['coffee', 'teas', 'te', 'group:1', 'dm:abcdefghijklmnopqrstuv'])
      await isRefused(403, 'FORBIDDEN', `/chat/${room}`, { token: token() });
    for (const room of ['tea', 'park']) (await RawClient.open(`${gateway.url}/chat/${room}`, { token: token() })).reset();
  });
});

describe('origins', () => {
  const withOrigin = (Origin: string): RawClientOptions => ({ token: token(), headers: { Origin } });

  it('[H4] lets in its own pages, those listed, and clients that are no browsers', async () => {
    const { host } = new URL(gateway.url);
    for (const origin of [ALLOWED, 'https://other.example:8443', `http://${host}`, `https://${host}`]) {
      const raw = await RawClient.open(`${gateway.url}/ws/chat`, withOrigin(origin));
      raw.reset();
    }
    (await RawClient.open(`${gateway.url}/ws/chat`, { token: token() })).reset();
  });

  it('[H4] refuses all others', async () => {
    const { hostname, port } = new URL(gateway.url);
    const evil = [
      'https://evil.example',
      'null',
      'file://',
      'http://shop.example',
      'https://shop.example:444',
      'https://shop.example.evil.example',
      'https://evil.example/https://shop.example',
      'https://shop.example@evil.example',
      'https://sub.shop.example',
      'https://shop.example, https://evil.example',
      `http://${hostname}`,
      `http://${hostname}:${Number(port) + 1}`,
      `http://evil.example#${hostname}:${port}`,
      `//${hostname}:${port}`,
      `chrome-extension://${hostname}`,
      '*',
    ];
    for (const origin of evil) await isRefused(403, 'ORIGIN_DENIED', '/ws/chat', withOrigin(origin));
    // Whatever the token: a stranger's page learns nothing about it.
    await isRefused(403, 'ORIGIN_DENIED', '/ws/chat', { token: 'x', headers: { Origin: 'https://evil.example' } });
  });
});

describe('refusals that a browser can see', () => {
  it('[H5] are close codes with the error code as reason, and no frame', async () => {
    const expired = { protocols: ['parley.v1+close', `bearer.${token({ exp: 1 })}`] };
    expect(await closeOf('/ws/chat')).toEqual({ code: 4500, reason: 'MISSING_TOKEN', frames: [] });
    expect(await closeOf('/ws/chat', expired)).toEqual({ code: 4001, reason: 'TOKEN_EXPIRED', frames: [] });
    expect(await closeOf('/chat/coffee', { token: token() })).toEqual({ code: 4503, reason: 'FORBIDDEN', frames: [] });
    expect(await closeOf('/chat/a%20b', { token: token() })).toEqual({ code: 4503, reason: 'INVALID_REQUEST', frames: [] });
    const evil = { token: token(), headers: { Origin: 'https://evil.example' } };
    expect(await closeOf('/ws/chat', evil)).toEqual({ code: 4503, reason: 'ORIGIN_DENIED', frames: [] });
  });

  it('[H5] echo parley.v1 where both are offered, else what was offered', async () => {
    for (const [protocols, echoed] of [
      [['parley.v1+close', 'parley.v1'], 'parley.v1'],
      [['parley.v1+close'], 'parley.v1+close'],
    ] as const) {
      const raw = await RawClient.open(`${gateway.url}/ws/chat`, { protocols: [...protocols] });
      expect(raw.response.headers.get('sec-websocket-protocol')).toBe(echoed);
      await raw.closed;
      const good = await RawClient.open(`${gateway.url}/ws/chat`, { protocols: [...protocols], token: token() });
      expect(good.response.headers.get('sec-websocket-protocol')).toBe(echoed);
      await good.close();
    }
    await isRefused(401, 'MISSING_TOKEN', '/ws/chat', { protocols: ['parley.v1', 'parley.v1+closed', 'PARLEY.V1+CLOSE'] });
  });

  it('[H5] cost no presence, and frames sent after them do nothing', async () => {
    const watcher = await hub.client('watcher');
    await watcher.join('park');
    const mark = watcher.mark();
    for (let n = 0; n < 20; n++) {
      const raw = await RawClient.open(`${gateway.url}/chat/coffee`, { protocols: ['parley.v1+close'], token: token({ sub: `u${n}` }) });
      raw.send('{"type":"join","room":"park"}');
      raw.send('{"type":"message","room":"park","text":"ghost"}');
      expect(await raw.closed).toMatchObject({ code: 4503 });
    }
    // An answer of its own proves that all before it was dealt with.
    await watcher.message('park', 'still me alone');
    expect(await watcher.onLineNumber()).toBe(1);
    expect(watcher.of('member', mark).filter(({ user }) => user?.id !== 'watcher')).toEqual([]);
    expect(watcher.of('message', mark)).toHaveLength(1);
    expect((await watcher.presence('park')).count).toBe(1);
  });
});

describe('limits', () => {
  it('[H4] [H5] too many handshakes of one address are refused, whichever way they are told', async () => {
    const strict = await hub.add({ HANDSHAKES_PER_MINUTE: '4' });
    (await RawClient.open(`${strict.url}/ws/chat`, { token: token() })).reset();
    expect(await closeOf('/ws/chat', {}, strict)).toMatchObject({ code: 4500 });
    expect(await closeOf('/ws/chat', {}, strict)).toMatchObject({ code: 4500 });
    expect((await refusal('/ws/chat', {}, strict)).status).toBe(401);
    const limited = await refusal('/ws/chat', { token: token() }, strict);
    expect(limited.status).toBe(429);
    expect(limited.headers.get('x-websocket-error-code')).toBe('RATE_LIMITED');
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0);
    const { code, reason, frames } = await closeOf('/ws/chat', { token: token() }, strict);
    expect({ code, frames }).toEqual({ code: 4029, frames: [] });
    expect(reason).toMatch(/^RATE_LIMITED \d+$/);
  });

  it('[H4] [H5] [C 1013] a node that has all the connections it may have refuses further ones, until one ends', async () => {
    const full = await hub.add({ CONNECTIONS_MAX: '2' });
    const open = await Promise.all(['ada', 'bob'].map((user) => ChatClient.connect(full.url, user)));
    const refused = await refusal('/ws/chat', { token: token() }, full);
    expect({ status: refused.status, code: refused.headers.get('x-websocket-error-code') }).toEqual({ status: 503, code: 'OVERLOADED' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await closeOf('/ws/chat', { token: token() }, full)).toEqual({ code: 1013, reason: 'OVERLOADED', frames: [] });
    await open[0]?.close();
    const again = await until(() => ChatClient.connect(full.url, 'cy').catch(() => undefined));
    await Promise.all([again, ...open].map((client) => client.close()));
  });

  it('[H4] too many connections of one user are refused, other users are not', async () => {
    const strict = await hub.add({ CONNECTIONS_PER_USER: '3' });
    const open = await Promise.all(Array.from({ length: 3 }, () => ChatClient.connect(strict.url, 'ada')));
    const limited = await refusal('/ws/chat', { token: token() }, strict);
    expect({ status: limited.status, code: limited.headers.get('x-websocket-error-code') }).toEqual({ status: 429, code: 'RATE_LIMITED' });
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0);
    await (await ChatClient.connect(strict.url, 'bob')).close();
    await open[0]?.close();
    const again = await until(() => ChatClient.connect(strict.url, 'ada').catch(() => undefined));
    await Promise.all([again, ...open].map((client) => client.close()));
  });
});

describe('welcome', () => {
  it('[H6] is the first frame, and says all there is to know', async () => {
    const exp = Math.floor(Date.now() / 1000) + 500;
    const ada = await hub.client('ada', 0, { session: SESSION, claims: { name: 'Ada 🦆', kind: 'agent', exp } });
    expect(ada.frames[0]).toEqual({
      type: 'welcome',
      session: SESSION.toLowerCase(),
      user: { id: 'ada', name: 'Ada 🦆', kind: 'agent' },
      node: gateway.node,
      online: expect.any(Number),
      heartbeat: expect.any(Number),
      expiresAt: exp,
      limits: { messageChars: 200, conversationChars: 2000, frameBytes: 32_768, rooms: 100 },
      features: [],
    });
    const bob = await hub.client('bob', 0, { path: '/chat/park' });
    expect(bob.frames[0]).toMatchObject({ type: 'welcome', user: { id: 'bob', kind: 'user' } });
    expect(await bob.waitFor('joined')).toMatchObject({ room: 'park' });
  });
});

describe('a client that does not wait for welcome', () => {
  it('[H6] gets welcome first all the same, then the answers to what it sent before', async () => {
    hub.backend.pause();
    let raw: RawClient;
    const types: string[] = [];
    try {
      raw = await RawClient.open(`${gateway.url}/ws/chat`, {
        token: token({ sub: hub.name('hasty') }),
        onText: (text) => types.push(JSON.parse(text).type),
      });
      for (const frame of ['{"type":"ping"}', '{"type":"join","room":"park"}', 'no frame']) raw.send(frame);
      // Redis goes on only once the gateway did another turn.
      await fetch(`${gateway.httpUrl}/`);
    } finally {
      hub.backend.resume();
    }
    await until(() => types.includes('joined'));
    expect(types[0]).toBe('welcome');
    expect(types).toEqual(expect.arrayContaining(['pong', 'error', 'joined']));
    raw.reset();
  });

  it('[F1] [P1] that is closed for what it sent before enters no room any more', async () => {
    const watcher = await hub.client('watcher', 0);
    await watcher.join('park');
    hub.backend.pause();
    let raw: RawClient;
    try {
      raw = await RawClient.open(`${gateway.url}/ws/chat`, { token: token({ sub: hub.name('ghost') }) });
      for (let n = 0; n < 10; n += 1) raw.send('no frame');
      raw.send('{"type":"join","room":"park"}');
      await fetch(`${gateway.httpUrl}/`);
    } finally {
      hub.backend.resume();
    }
    expect(await raw.closed).toMatchObject({ code: 4029 });
    // Whoever comes next is counted after whatever came before.
    const next = await hub.client('next', 0);
    await next.join('park');
    expect(await watcher.presence('park')).toMatchObject({ count: 2 });
    await until(async () => (await watcher.onLineNumber()) === 2, { describe: 'two are online' });
  });

  it('[F3] [C 4029] that sends far too much before it is closed', async () => {
    hub.backend.pause();
    try {
      const raw = await RawClient.open(`${gateway.url}/ws/chat`, { token: token({ sub: hub.name('flood') }) });
      for (let n = 0; n < 100; n += 1) raw.send('{"type":"ping"}');
      expect(await raw.closed).toMatchObject({ code: 4029 });
    } finally {
      hub.backend.resume();
    }
  });
});

describe('upgrades that are broken off', () => {
  const { hostname, port } = { hostname: '127.0.0.1', port: () => gateway.port };
  const head = (bearer: string, more: readonly string[] = []): string =>
    [
      'GET /chat/park HTTP/1.1',
      `Host: ${hostname}:${port()}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      `Authorization: Bearer ${bearer}`,
      ...more,
      '\r\n',
    ].join('\r\n');

  /** Sends bytes on a connection of its own, and breaks it at once. */
  async function breakOff(bytes: string, end: (socket: Socket) => void): Promise<void> {
    const socket = connect(port(), hostname);
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
    end(socket);
    await closed;
  }

  it('[H3] at any byte, with FIN or RST, leave nobody behind', async () => {
    const watcher = await hub.client('watcher');
    const request = head(token({ sub: 'ghost' }));
    const cuts = [1, 20, request.length >> 1, request.length - 3, request.length - 1, request.length, request.length];
    const ways: ((socket: Socket) => void)[] = [(socket) => socket.resetAndDestroy(), (socket) => socket.destroy()];
    for (let round = 0; round < 10; round++) {
      await Promise.all(cuts.flatMap((cut) => ways.map((end) => breakOff(request.slice(0, cut), end))));
    }
    await until(async () => (await gateway.metric('parley_connections')) === 1, { describe: 'one connection' });
    await until(async () => (await watcher.onLineNumber()) === 1, { describe: 'one user online' });
    expect(gateway.ended).toBe(false);
  });

  it('[H4] or that are no HTTP, or half of it, do no harm', async () => {
    const watcher = await hub.client('watcher');
    const requests = [
      '\u0000'.repeat(100),
      'GET\r\n\r\n',
      'GET /ws/chat HTTP/1.1\r\n\r\n',
      'GET /ws/chat HTTP/0.9\r\nHost: x\r\n\r\n',
      head(token(), ['Content-Length: 5', 'Transfer-Encoding: chunked']),
      head(token(), ['Content-Length: -1']),
      head(token()).replace('dGhlIHNhbXBsZSBub25jZQ==', 'short'),
      head(token()).replace('dGhlIHNhbXBsZSBub25jZQ==', ''),
      head(token()).replace('Version: 13', 'Version: 8'),
      head(token()).replace('GET', 'POST'),
      head(token()).replaceAll('\r\n', '\n'),
      head(token()).repeat(3),
      `GET /${'x'.repeat(60_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    ];
    for (const request of requests) await breakOff(request, (socket) => socket.destroy());
    await until(async () => (await gateway.metric('parley_connections')) === 1, { describe: 'one connection' });
    await until(async () => (await watcher.onLineNumber()) === 1, { describe: 'one user online' });
    expect(gateway.ended).toBe(false);
  });
});
