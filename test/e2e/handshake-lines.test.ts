import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TOKEN_MAX_BYTES } from '#libs/protocol/limits.ts';
import type { GatewayProcess } from '#test/support/gateway-process.ts';
import { signToken } from '#test/support/jwt.ts';
import { exchange, parseAnswer, requestText, type WireAnswer } from '#test/support/raw-exchange.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { TestHub } from '#test/support/test-hub.ts';

const HANDSHAKES = 5;
const KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
const UPGRADE = ['Connection: keep-alive, Upgrade', 'Upgrade: websocket'];
const VERSION = 'Sec-WebSocket-Version: 13';

let hub: TestHub<RedisServer>;
let gateway: GatewayProcess;
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({
    gateways: 1,
    env: { ALLOWED_ORIGINS: '*', TRUSTED_PROXY_HOPS: '1', HANDSHAKES_PER_MINUTE: String(HANDSHAKES) },
  });
  gateway = hub.gateway(0);
});
afterAll(() => hub?.stop());

let client = 0;
function nextAddress(): string {
  client += 1;
  return `192.0.2.${client}`;
}

const token = `Authorization: Bearer ${signToken({ sub: 'ada' })}`;

/** From an address of its own each time, as the proxy in front tells, if `from` names no other. */
async function ask(lines: readonly string[], { line = 'GET /ws/chat', body = '', from = [nextAddress()] } = {}): Promise<WireAnswer> {
  const forwarded = from.map((value) => `X-Forwarded-For: ${value}`);
  const text = [`${line} HTTP/1.1`, 'Host: chat.test', ...forwarded, ...lines, '', body].join('\r\n');
  return parseAnswer(await exchange(gateway.port, text, (read) => read.startsWith('HTTP/1.1 101')));
}

const tells = ({ status, headers }: WireAnswer): unknown[] => [status, headers['x-websocket-error-code']];

describe('what is no handshake', () => {
  it.each<[string, readonly string[], Parameters<typeof ask>[1]?]>([
    ['no Upgrade', ['Connection: Upgrade', KEY, VERSION]],
    ['another Upgrade', ['Connection: Upgrade', 'Upgrade: h2c', KEY, VERSION]],
    ['no Connection', ['Upgrade: websocket', KEY, VERSION]],
    ['a Connection without Upgrade', ['Connection: close', 'Upgrade: websocket', KEY, VERSION]],
    ['no key', [...UPGRADE, VERSION]],
    ['a short key', [...UPGRADE, VERSION, 'Sec-WebSocket-Key: c2hvcnQ=']],
    ['a key that is no base64', [...UPGRADE, VERSION, 'Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==']],
    ['a key of 17 bytes', [...UPGRADE, VERSION, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZXg=']],
    ['two keys', [...UPGRADE, VERSION, KEY, KEY]],
    ['a body', [...UPGRADE, VERSION, KEY, 'Content-Length: 3'], { body: 'abc' }],
    ['two lengths', [...UPGRADE, VERSION, KEY, 'Content-Length: 0', 'Content-Length: 3'], { body: 'abc' }],
    ['length and chunks', [...UPGRADE, VERSION, KEY, 'Content-Length: 3', 'Transfer-Encoding: chunked'], { body: 'abc' }],
    ['two hosts', [...UPGRADE, VERSION, KEY, token, 'Host: other.test']],
    ['two origins', [...UPGRADE, VERSION, KEY, token, 'Origin: https://a.test', 'Origin: https://b.test']],
    ['two tokens', [...UPGRADE, VERSION, KEY, token, token]],
    ['POST', [...UPGRADE, VERSION, KEY, token], { line: 'POST /ws/chat' }],
    ['nothing of it', []],
  ])('[H4] is refused: %s', async (_name, lines, more) => {
    const answer = await ask(lines, more);
    expect(answer.status).toBe(400);
    // What uWS itself cannot read it refuses in its own words.
    if (answer.headers['x-websocket-error-code'] !== undefined) expect(tells(answer)).toEqual([400, 'INVALID_REQUEST']);
    else expect(_name).toBe('length and chunks');
    expect(answer.headers.connection).toBe('close');
  });

  it.each(['8', '12', '14', '013', '13, 8', ''])('[H4] of version %j is told which one there is', async (version) => {
    const answer = await ask([...UPGRADE, KEY, token, `Sec-WebSocket-Version: ${version}`]);
    expect(tells(answer)).toEqual([426, 'INVALID_REQUEST']);
    expect([answer.headers['sec-websocket-version'], answer.headers.upgrade]).toEqual(['13', 'websocket']);
  });

  it('[H4] [H5] is told over HTTP also to a client that asks for close codes', async () => {
    const answer = await ask([...UPGRADE, KEY, 'Sec-WebSocket-Protocol: parley.v1+close', 'Sec-WebSocket-Version: 8']);
    expect(answer.status).toBe(426);
  });
});

describe('header lines', () => {
  it('[H2] of Sec-WebSocket-Protocol are one list', async () => {
    const bearer = `Sec-WebSocket-Protocol: bearer.${signToken({ sub: 'ada' })}`;
    for (const lines of [
      ['Sec-WebSocket-Protocol: parley.v1', bearer],
      [bearer, 'Sec-WebSocket-Protocol: parley.v1'],
      [
        'Sec-WebSocket-Protocol: other',
        'Sec-WebSocket-Protocol: parley.v1',
        bearer,
        'Sec-WebSocket-Extensions: a',
        'Sec-WebSocket-Extensions: b',
      ],
    ]) {
      const { status, headers } = await ask([...UPGRADE, KEY, VERSION, ...lines]);
      expect([status, headers['sec-websocket-protocol']]).toEqual([101, 'parley.v1']);
    }
  });

  it('[H4] of X-Forwarded-For cannot be forged by whoever comes through the proxy', async () => {
    const statuses: number[] = [];
    for (let n = 0; n < HANDSHAKES * 2; n += 1) {
      const { status } = await ask([...UPGRADE, KEY, VERSION, token], { from: [`203.0.113.${n}`, '198.51.100.7'] });
      statuses.push(status);
    }
    expect(statuses).toEqual([...Array(HANDSHAKES).fill(101), ...Array(HANDSHAKES).fill(429)]);
  });

  it('[H4] count an IPv6 client as its /64, with a port or mapped as the same', async () => {
    for (const spellings of [
      ['2001:db8:7:7::1', '[2001:db8:7:7::2]:443', '2001:DB8:7:7:ffff::', '[2001:db8:7:7::4]', '2001:db8:7:7:5::%eth0'],
      ['198.51.100.9', '198.51.100.9:4711', '::ffff:198.51.100.9', '::ffff:c633:6409', '[::ffff:198.51.100.9]:80'],
      ['unknown', '_secret', '127.0.0.1', '1.2.3.4.5', '::ffff:127.0.0.1'],
    ]) {
      for (const from of spellings) expect((await ask([...UPGRADE, KEY, VERSION, token], { from: [from] })).status).toBe(101);
      expect((await ask([...UPGRADE, KEY, VERSION, token], { from: [spellings[0] ?? ''] })).status).toBe(429);
    }
  });

  it('[H3] hold a token of 8 KB beside the rest, also in the path', async () => {
    const long = (length: number): string => signToken({ sub: 'ada', pad: 'x'.repeat(length) });
    const pad = Math.floor(((TOKEN_MAX_BYTES - long(0).length) * 3) / 4) - 4;
    const rest = ['Cookie: a=b', `X-Fill: ${'f'.repeat(4096)}`];
    expect(long(pad).length).toBeGreaterThan(TOKEN_MAX_BYTES - 16);
    for (const [line, more] of [
      ['GET /ws/chat', [`Authorization: Bearer ${long(pad)}`]],
      [`GET /websocket/${long(pad)}`, []],
    ] as const) {
      expect((await ask([...UPGRADE, KEY, VERSION, ...rest, ...more], { line })).status).toBe(101);
    }
    expect((await ask([...UPGRADE, KEY, VERSION, `X-Fill: ${'f'.repeat(17_000)}`])).status).toBe(431);
  });
});

describe('answers of the gateway over HTTP', () => {
  it.each(['/ws/chat', '/chat/tea', '/websocket/t', '/', '/nowhere', '/api/v1/online'])(
    '[H4] have no body to HEAD %s, and its length',
    async (path) => {
      const get = parseAnswer(await exchange(gateway.port, requestText(`GET ${path}`)));
      const head = parseAnswer(await exchange(gateway.port, requestText(`HEAD ${path}`)));
      expect([head.status, head.body, head.headers['content-length']]).toEqual([get.status, '', String(get.body.length)]);
      expect([get.headers.connection, head.headers.connection]).toEqual(['close', 'close']);
      const kept = parseAnswer(await exchange(gateway.port, requestText(`HEAD ${path}`).replace('Connection: close\r\n', '')));
      expect([kept.status, kept.body, kept.headers.connection]).toEqual([get.status, '', 'close']);
    },
  );
});
