import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ChatClient } from '#test/support/chat-client.ts';
import { ecPair, forgeUnsigned, forgeWithKey, forgeWithSecret, Issuer, publicJwk, rsaPair } from '#test/support/issuer.ts';
import { JWT_SECRET } from '#test/support/jwt.ts';
import { RawClient, RefusedError } from '#test/support/raw-client.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

/** Nothing of the project's own auth is used here: tokens are made, and forged, by hand. */
const [rsa, rsa2, ec] = [rsaPair(), rsaPair(), ecPair()];
const seconds = (): number => Date.now() / 1000;
const claims = (more: object = {}): object => ({ sub: 'u1', name: 'Ann', exp: seconds() + 600, iss: 'the-shop', aud: 'chat', ...more });
const good = (more: object = {}): string => forgeWithSecret({ alg: 'HS256', typ: 'JWT' }, claims(more), JWT_SECRET);

let issuer: Issuer;
let trap: Issuer;
let hub: TestHub<RedisServer>;
TestHub.showLogs(() => hub);

beforeAll(async () => {
  issuer = await Issuer.start([publicJwk(rsa, 'r', { alg: 'RS256' }), publicJwk(ec, 'e')]);
  trap = await Issuer.start([publicJwk(rsa2, 'mine'), publicJwk(rsa2, 'r')]);
  hub = await TestHub.single({ gateways: 1, env: { JWT_JWKS_URL: issuer.url, JWT_ISSUER: 'the-shop', JWT_AUDIENCE: 'chat' } });
});
afterAll(async () => {
  await hub?.stop();
  issuer?.stop();
  trap?.stop();
});

/** Gets in with this token, says who it is, and leaves. */
async function userOf(
  path: string,
  options: { token?: string; headers?: Record<string, string>; protocols?: string[] } = {},
): Promise<string | undefined> {
  const client = await ChatClient.connect(hub.gateway(0).url, 'somebody', { token: '', path, session: '', ...options });
  const { user } = client.welcome;
  await client.close();
  return user?.id;
}

/** The answer to an upgrade that must not succeed. */
async function refusal(
  path: string,
  options: { token?: string; headers?: Record<string, string>; protocols?: string[] } = {},
): Promise<RefusedError['response']> {
  const opened = await RawClient.open(`${hub.gateway(0).url}${path}`, options).catch((error: unknown) => error);
  if (opened instanceof RawClient) {
    opened.reset();
    throw new Error(`let in: ${path}`);
  }
  if (opened instanceof RefusedError) return opened.response;
  throw opened;
}

/** A key id that is not known may be that of a key to come: the set is asked again, but not for each token. */
async function isNotKnown(token: string): Promise<void> {
  const { headers } = await refusal('/ws/chat', { token });
  expect(['TOKEN_EXPIRED', 'UNAVAILABLE'], token.slice(0, 300)).toContain(headers.get('x-websocket-error-code'));
}

async function isRefused(token: string, code = 'TOKEN_EXPIRED'): Promise<void> {
  const { status, headers, body } = await refusal('/ws/chat', { token });
  expect({ status, code: headers.get('x-websocket-error-code') }, token.slice(0, 300)).toEqual({
    status: code === 'UNAVAILABLE' ? 503 : 401,
    code,
  });
  expect(JSON.parse(body)).toEqual({ code, message: headers.get('x-websocket-error-message') });
}

describe('where the token is', () => {
  it('[H2] is found in each place', async () => {
    expect(await userOf('/ws/chat', { token: good({ sub: 'header' }) })).toBe('header');
    expect(await userOf('/ws/chat', { protocols: ['parley.v1', `bearer.${good({ sub: 'protocol' })}`] })).toBe('protocol');
    expect(await userOf(`/websocket/${good({ sub: 'path' })}`)).toBe('path');
    expect(await userOf(`/chat/park/${good({ sub: 'room-path' })}`)).toBe('room-path');
    expect(await userOf(`/ws/chat?token=${good({ sub: 'query' })}`)).toBe('query');
    expect(await userOf(`/ws/chat?session=8c4ff1d6-44a4-4c6b-9a1e-0e4a2a4f8b5d&token=${good({ sub: 'query' })}`)).toBe('query');
  });

  it('[H2] first found wins, though a later one be better', async () => {
    const places = (header: string, protocol: string, path: string, query: string): Parameters<typeof refusal> => [
      `/websocket/${path}?token=${query}`,
      { headers: { Authorization: header }, protocols: ['parley.v1', ...(protocol === '' ? [] : [`bearer.${protocol}`])] },
    ];
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((sub) => good({ sub })) as [string, string, string, string];
    expect(await userOf(...places(`Bearer ${a}`, b, c, d))).toBe('a');
    expect(await userOf(...places('', b, c, d))).toBe('b');
    expect(await userOf(...places('Basic dXNlcjpwdw==', '', c, d))).toBe('c');
    for (const bad of [places('Bearer no', b, c, d), places('', 'no', c, d), places('', '', 'no', d)]) {
      expect((await refusal(...bad)).headers.get('x-websocket-error-code')).toBe('TOKEN_EXPIRED');
    }
  });

  it('[H2] echoes parley.v1, and never the token', async () => {
    const raw = await RawClient.open(`${hub.gateway(0).url}/ws/chat`, { protocols: [`bearer.${good()}`, 'parley.v1'] });
    expect(raw.response.headers.get('sec-websocket-protocol')).toBe('parley.v1');
    await raw.close();
    const bare = await RawClient.open(`${hub.gateway(0).url}/ws/chat`, { protocols: [`bearer.${good()}`] });
    expect(bare.response.headers.get('sec-websocket-protocol') ?? '').toBe('');
    await bare.close();
  });

  it('[H4] is MISSING_TOKEN where it is nowhere', async () => {
    await isRefused('', 'MISSING_TOKEN');
    for (const path of ['/ws/chat', '/ws/chat?token=', '/chat/park', '/chat/park/']) {
      expect((await refusal(path)).headers.get('x-websocket-error-code'), path).toBe('MISSING_TOKEN');
    }
  });
});

describe('what a token must be', () => {
  it('[H3] not late by a minute, nor much too early, though it may be by a second', async () => {
    // Where exactly the line is between these, a unit test says, which owns the clock.
    expect(await userOf('/ws/chat', { token: good({ exp: seconds() - 1 }) })).toBe('u1');
    await isRefused(good({ exp: seconds() - 60 }));
    expect(await userOf('/ws/chat', { token: good({ nbf: seconds() + 1 }) })).toBe('u1');
    await isRefused(good({ nbf: seconds() + 600 }));
    await isRefused(good({ exp: undefined }));
    await isRefused(good({ exp: '9999999999' }));
  });

  it('[H3] from the issuer, for this audience', async () => {
    for (const more of [
      { iss: 'another' },
      { iss: undefined },
      { iss: ['the-shop'] },
      { aud: 'mail' },
      { aud: undefined },
      { aud: ['mail'] },
    ]) {
      await isRefused(good(more));
      await isRefused(forgeWithKey({ alg: 'RS256', kid: 'r' }, claims(more), rsa));
    }
    expect(await userOf('/ws/chat', { token: good({ aud: ['mail', 'chat'] }) })).toBe('u1');
  });

  it('[H3] signed by the secret or by a key of the set', async () => {
    expect(await userOf('/ws/chat', { token: forgeWithKey({ alg: 'RS256', kid: 'r' }, claims({ sub: 'by-rsa' }), rsa) })).toBe('by-rsa');
    expect(await userOf('/ws/chat', { token: forgeWithKey({ alg: 'ES256', kid: 'e' }, claims({ sub: 'by-ec' }), ec) })).toBe('by-ec');
    await isRefused(forgeWithSecret({ alg: 'HS256' }, claims(), 'not the secret, but long enough to be one'));
    await isRefused(forgeWithKey({ alg: 'RS256', kid: 'r' }, claims(), rsa2));
    await isRefused(good().replace(/\.[^.]+\./, `.${Buffer.from(JSON.stringify(claims({ sub: 'admin' }))).toString('base64url')}.`));
  });

  it('[H3] never unsigned', async () => {
    for (const alg of ['none', 'None', 'NONE', '', undefined]) await isRefused(forgeUnsigned({ alg }, claims()));
    await isRefused(good().replace(/[^.]*$/, ''));
  });

  it('[H3] never signed with a public key taken for a secret', async () => {
    const { publicKey } = rsa;
    const secrets = [
      publicKey.export({ type: 'spki', format: 'pem' }),
      publicKey.export({ type: 'pkcs1', format: 'pem' }),
      publicKey.export({ type: 'spki', format: 'der' }),
      JSON.stringify(publicJwk(rsa, 'r')),
      '',
    ];
    for (const secret of secrets) {
      await isRefused(forgeWithSecret({ alg: 'HS256', kid: 'r' }, claims(), secret));
      await isRefused(forgeWithSecret({ alg: 'RS256', kid: 'r' }, claims(), secret));
    }
    await isRefused(forgeWithSecret({ alg: 'RS256', kid: 'r' }, claims(), JWT_SECRET));
    await isRefused(forgeWithKey({ alg: 'HS256', kid: 'r' }, claims(), rsa));
    await isRefused(forgeWithKey({ alg: 'PS256', kid: 'r' }, claims(), rsa));
    await isRefused(forgeWithKey({ alg: 'RS256', kid: 'e' }, claims(), rsa));
  });

  it('[H3] never by a key it brings or names itself', async () => {
    const own = publicJwk(rsa2, 'mine');
    const headers: object[] = [
      { jku: `${trap.origin}/jku` },
      { jku: `${issuer.url}@${new URL(trap.origin).host}/` },
      { x5u: `${trap.origin}/x5u` },
      { jwk: own },
      { x5c: [rsa2.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')] },
      { kid: `${trap.origin}/kid` },
      { kid: '../../../../dev/null' },
      { kid: "r' OR '1'='1" },
      { kid: ['r'] },
      { kid: { toString: 'r' } },
      { kid: 'r\u0000' },
      { crit: ['jku'], jku: `${trap.origin}/crit` },
    ];
    for (const header of headers) {
      const isNoKey = 'kid' in header && typeof header.kid === 'string' ? isNotKnown : isRefused;
      await isNoKey(forgeWithKey({ alg: 'RS256', ...header }, claims(), rsa2));
      await isNoKey(forgeWithKey({ alg: 'RS256', kid: 'r', ...header }, claims(), rsa2));
      await isRefused(forgeWithSecret({ alg: 'HS256', ...header }, claims(), ''));
    }
    expect(trap.requests).toEqual([]);
    // Unknown ids may ask the set again, but not for each token.
    expect(issuer.requests.length).toBeLessThan(5);
    expect(new Set(issuer.requests)).toEqual(new Set(['/keys']));
  });

  it('[H3] of a person whose id and name can be shown', async () => {
    for (const more of [{ sub: undefined }, { sub: '' }, { sub: 'a b' }, { sub: 'x'.repeat(129) }, { sub: 7 }, { name: undefined }]) {
      await isRefused(good(more));
    }
    expect(await userOf('/ws/chat', { token: good({ sub: 'é'.repeat(128) }) })).toBe('é'.repeat(128));
  });

  it('[H3] not rubbish', async () => {
    for (const token of ['x', '..', 'a.b', 'a.b.c', 'a.b.c.d', '%', 'null', '-'.repeat(5000), `${good()}.`, `.${good()}`, `${good()}AA`])
      await isRefused(token);
  });
});

describe('large tokens', () => {
  /** A token of exactly this many bytes, or one or two fewer. */
  function sized(bytes: number): string {
    // The digits of the time count too: it stands still meanwhile.
    const exp = Math.ceil(seconds()) + 600;
    let pad = Math.floor(((bytes - good({ exp, pad: '' }).length) * 3) / 4) - 3;
    while (good({ exp, pad: 'x'.repeat(pad + 1) }).length <= bytes) pad++;
    return good({ exp, pad: 'x'.repeat(pad) });
  }

  it('[H3] of 8 KB are taken in every place', async () => {
    const token = sized(8192);
    expect(token.length).toBeGreaterThan(8188);
    expect(await userOf('/ws/chat', { token })).toBe('u1');
    expect(await userOf('/ws/chat', { protocols: ['parley.v1', `bearer.${token}`] })).toBe('u1');
    expect(await userOf(`/websocket/${token}`)).toBe('u1');
    expect(await userOf(`/ws/chat?token=${token}`)).toBe('u1');
  });

  it('[H3] a little larger are refused, and of 20 KB with a plain 431', async () => {
    await isRefused(sized(8300));
    for (const place of [refusal('/ws/chat', { token: sized(20_000) }), refusal(`/websocket/${sized(20_000)}`)]) {
      expect((await place).status).toBe(431);
    }
    expect(await userOf('/ws/chat', { token: good() })).toBe('u1');
  });
});

describe('an issuer that is away', () => {
  it('[H4] is UNAVAILABLE where its keys are needed, and only there', async () => {
    const away = await Issuer.start([publicJwk(rsa, 'r')]);
    away.status = 500;
    const gateway = await hub.add({ JWT_JWKS_URL: away.url });
    const connect = (token: string): Promise<RawClient> => RawClient.open(`${gateway.url}/ws/chat`, { token });
    const byKey = forgeWithKey({ alg: 'RS256', kid: 'r' }, claims(), rsa);
    const refused: unknown = await connect(byKey).catch((error: unknown) => error);
    if (!(refused instanceof RefusedError)) throw new Error('let in');
    expect(refused.response.status).toBe(503);
    expect(refused.response.headers.get('x-websocket-error-code')).toBe('UNAVAILABLE');
    expect(Number(refused.response.headers.get('retry-after'))).toBeGreaterThan(0);
    (await connect(good())).reset();
    away.status = 200;
    const late = await until(() => connect(byKey).catch(() => undefined));
    away.stop();
    late.reset();
    // Known keys go on serving.
    (await connect(byKey)).reset();
  });

  it('[H3] an upgrade aborted while its keys are on their way leaves nothing behind', async () => {
    const slow = await Issuer.start([publicJwk(rsa, 'r')]);
    slow.hold();
    const gateway = await hub.add({ JWT_JWKS_URL: slow.url });
    const token = forgeWithKey({ alg: 'RS256', kid: 'r' }, claims({ sub: 'gone' }), rsa);
    const { hostname, port } = new URL(gateway.url);
    const { connect } = await import('node:net');
    const sockets = Array.from({ length: 50 }, () => connect(Number(port), hostname));
    const request = [
      'GET /ws/chat HTTP/1.1',
      `Host: ${hostname}:${port}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      `Authorization: Bearer ${token}`,
      '',
      '',
    ].join('\r\n');
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.write(request, () => resolve()))));
    await until(() => slow.requests.length === 1);
    for (const socket of sockets) socket.resetAndDestroy();
    // One more, that stays, is answered after the others are known to be gone.
    const staying = ChatClient.connect(gateway.url, 'stays', {
      token: forgeWithKey({ alg: 'RS256', kid: 'r' }, claims({ sub: 'stays' }), rsa),
    });
    slow.release();
    const client = await staying;
    await until(async () => (await client.onLineNumber()) === 1);
    await until(async () => (await gateway.metric('parley_connections')) === 1, { describe: 'one connection' });
    expect(gateway.ended).toBe(false);
    await client.close();
    slow.stop();
  });
});
