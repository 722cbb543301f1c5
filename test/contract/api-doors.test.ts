import { Type } from '@sinclair/typebox';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HEAD_MAX_BYTES, ROOM_NAME_MAX, TOKEN_MAX_BYTES } from '#libs/protocol/limits.ts';
import type { Routes } from '#services/api/api-parts.ts';
import { clientKey } from '#services/api/rate-limits.ts';
import { ApiDoor, DOORS } from '#test/support/api-door.ts';
import { ApiWorld } from '#test/support/api-world.ts';
import { exchange, parseAnswer, requestText, type WireAnswer } from '#test/support/raw-exchange.ts';

const Anything = Type.Object({}, { additionalProperties: true });

/** Says what reached it. */
const echo: Routes = (api) => {
  const schema = { tags: ['Rooms'], response: { 200: Anything } };
  api.get('/echo', { schema }, async ({ raw, query, headers }) => ({ url: raw.url, query, headers: told(headers) }));
  api.get('/echo/:part', { schema }, async ({ params, query }) => ({ params, query }));
  api.post('/echo', { schema }, async ({ body, headers }) => ({ body: body ?? 'none', type: headers['content-type'] ?? 'none' }));
  api.get('/who', { schema }, async (request) => ({ key: clientKey(request) }));
  api.get('/large', { schema }, async () => ({ text: 'x'.repeat(300_000) }));
};

function told(headers: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => /^(?:x-|cookie|accept|origin)/.test(name)));
}

/** One API behind both doors. */
async function doors(trustedProxyHops = 0): Promise<ApiDoor[]> {
  const { app } = new ApiWorld({ routes: [echo], trustedProxyHops });
  return await Promise.all(
    DOORS.map(async (kind) => {
      const door = await ApiDoor.open(app, kind);
      onTestFinished(() => door.close());
      return door;
    }),
  );
}

/** What belongs to the connection, the moment and the request, not to the answer. */
const OF_THE_MOMENT = /^(?:connection|keep-alive|date|transfer-encoding|uwebsockets|x-request-id|content-length)$/;

function essence({ status, headers, body }: WireAnswer): object {
  const kept = Object.entries(headers).filter(([name]) => !OF_THE_MOMENT.test(name));
  return { status, headers: Object.fromEntries(kept), body: body.replace(/"requestId":"[^"]*"/, '') };
}

/** Asks through each door, and resolves with the one answer both give. */
async function ask(through: readonly ApiDoor[], request: string): Promise<WireAnswer> {
  const answers = await Promise.all(through.map(async ({ port }) => parseAnswer(await exchange(port, request))));
  const [own, uws] = answers.map(essence);
  expect(uws, request.slice(0, 300)).toEqual(own);
  const [answer] = answers;
  if (answer === undefined) throw new RangeError('no door');
  return answer;
}

const JSON_TYPE = 'Content-Type: application/json';
const post = (body: string, ...headers: string[]): string =>
  requestText('POST /api/v1/echo', [JSON_TYPE, `Content-Length: ${Buffer.byteLength(body)}`, ...headers], body);

describe('[A1] the doors of the API give the same answer', () => {
  it('to GET, HEAD, OPTIONS and methods that are not there', async () => {
    const through = await doors();
    expect((await ask(through, requestText('GET /api/v1/online'))).body).toBe('{"count":7}');
    expect((await ask(through, requestText('GET /api/v1/large'))).body).toHaveLength(300_011);
    for (const path of ['/api/v1/online', '/api/v1/large', '/nowhere', '/api/v1/guests', '/api/v1/%zz']) {
      const head = await ask(through, requestText(`HEAD ${path}`));
      expect([path, head.body]).toEqual([path, '']);
    }
    for (const method of ['OPTIONS', 'DELETE', 'TRACE', 'PROPFIND', 'BREW', 'get', 'M-SEARCH']) {
      const { status } = await ask(through, requestText(`${method} /api/v1/online`));
      expect([method, status]).toEqual([method, 405]);
    }
    await ask(through, requestText('OPTIONS /nowhere', ['Origin: https://a.test', 'Access-Control-Request-Method: GET']));
  });

  it('to paths and queries as they were written', async () => {
    const through = await doors();
    for (const query of [
      '',
      '?',
      '?a',
      '?a=',
      '?a=1&a=2',
      '?a=1&b=2&a=3',
      '?a=%26%3d+%2B',
      '?a?b',
      '?undefined',
      '?a=%zz',
      '?a=%00',
      '?#x',
      '??',
    ]) {
      const { status, body } = await ask(through, requestText(`GET /api/v1/echo${query}`));
      expect([query, status, JSON.parse(body).url]).toEqual([query, 200, `/api/v1/echo${query}`]);
    }
    for (const part of [
      'a%2Fb',
      'a%2fb%2F',
      '%00',
      '%zz',
      '%',
      '%E4%BD%A0',
      '%ff',
      'a%20b',
      'a+b',
      '.',
      '..',
      '%2e%2e',
      'a;b',
      'a/',
      '/a',
      "a'b",
    ]) {
      await ask(through, requestText(`GET /api/v1/echo/${part}`));
    }
    for (const target of ['//chat.test/', '/\\', '/%', '/./', '/a//b', '/api/v1/../v1/online', '/?', '/#', '/api%2Fv1/online']) {
      await ask(through, requestText(`GET ${target}`));
    }
  });

  it('to bodies that are empty, chunked, cut in pieces, not JSON, or too large', async () => {
    const through = await doors();
    expect((await ask(through, post('{"a":"é"}'))).status).toBe(200);
    expect((await ask(through, post(''))).body).toContain('"none"');
    await ask(through, requestText('POST /api/v1/echo'));
    await ask(through, requestText('POST /api/v1/echo', [JSON_TYPE]));
    await ask(through, requestText('DELETE /api/v1/echo', [JSON_TYPE, 'Content-Length: 2'], '{}'));
    await ask(through, requestText('GET /api/v1/echo', [JSON_TYPE, 'Content-Length: 2'], '{}'));
    const chunked = requestText('POST /api/v1/echo', [JSON_TYPE, 'Transfer-Encoding: chunked'], '5\r\n{"a":\r\n3\r\n12}\r\n0\r\n\r\n');
    expect(JSON.parse((await ask(through, chunked)).body).body).toEqual({ a: 12 });
    await ask(through, requestText('POST /api/v1/echo', [JSON_TYPE, 'Transfer-Encoding: chunked'], '0\r\n\r\n'));
    for (const body of ['{', '[]', 'null', '"x"', '{"__proto__":1}', ' ']) await ask(through, post(body));
    await ask(through, post('a=1').replace('application/json', 'text/plain'));
    const fits = JSON.stringify({ a: 'x'.repeat(65_536 - 8) });
    expect((await ask(through, post(fits))).status).toBe(200);
    for (const more of [1, 40_000, 2_000_000]) {
      expect((await ask(through, post(fits.replace('"x', `"${'x'.repeat(more)}x`)))).status).toBe(413);
    }
  });

  it('to header lines that are repeated, and to those that no two servers read alike', async () => {
    const through = await doors();
    const lists = ['X-A: 1', 'x-a: 2', 'Cookie: a=1', 'Cookie: b=2', 'Accept: a', 'Accept: b', 'X-Empty:', 'X-Blank: \t v \t'];
    const { body } = await ask(through, requestText('GET /api/v1/echo', lists));
    expect(JSON.parse(body).headers).toEqual({ 'x-a': '1, 2', cookie: 'a=1; b=2', accept: 'a, b', 'x-empty': '', 'x-blank': 'v' });
    for (const pair of [
      ['Origin: https://a.test', 'Origin: https://b.test'],
      ['Authorization: Bearer a', 'Authorization: Bearer b'],
      ['Host: other.test'],
      ['Content-Type: application/json', 'Content-Type: text/plain'],
    ]) {
      expect([pair, (await ask(through, requestText('GET /api/v1/echo', pair))).status]).toEqual([pair, 400]);
    }
  });

  it('to framing that is in doubt: 400, whatever it is told in', async () => {
    const through = await doors();
    for (const framing of [
      ['Content-Length: 3', 'Content-Length: 5'],
      ['Content-Length: 3', 'Transfer-Encoding: chunked'],
      ['Content-Length: +3'],
      ['Content-Length: 3, 3'],
      ['Transfer-Encoding: identity'],
      ['Transfer-Encoding: gzip, chunked'],
    ]) {
      const request = requestText('POST /api/v1/echo', [JSON_TYPE, ...framing], '12345');
      const statuses = await Promise.all(through.map(async ({ port }) => parseAnswer(await exchange(port, request)).status));
      expect([framing, ...statuses]).toEqual([framing, 400, 400]);
    }
  });

  it('to who asks: behind proxies the one that they name', async () => {
    for (const [hops, lines, key] of [
      [0, ['9.9.9.9'], '127.0.0.1'],
      [1, [], '127.0.0.1'],
      [1, ['9.9.9.9', '1.2.3.4:80'], '1.2.3.4'],
      [1, ['9.9.9.9, 8.8.8.8'], '8.8.8.8'],
      [1, ['9.9.9.9', 'unknown'], '127.0.0.1'],
      [2, ['9.9.9.9', '[2001:db8:0:5::7]:443', '10.0.0.1'], '2001:db8:0:5'],
      [1, ['::ffff:1.2.3.4'], '1.2.3.4'],
    ] as const) {
      const forwarded = lines.map((value) => `X-Forwarded-For: ${value}`);
      const { body } = await ask(await doors(hops), requestText('GET /api/v1/who', forwarded));
      expect([lines, JSON.parse(body).key]).toEqual([lines, key]);
    }
  });

  it('to names and tokens as long as they may be, and 431 to a head that is too long', async () => {
    const through = await doors();
    const room = '%41'.repeat(ROOM_NAME_MAX);
    expect(JSON.parse((await ask(through, requestText(`GET /api/v1/echo/${room}`))).body).params).toEqual({
      part: 'A'.repeat(ROOM_NAME_MAX),
    });
    const user = encodeURIComponent('😀'.repeat(ROOM_NAME_MAX / 2));
    expect((await ask(through, requestText(`GET /api/v1/echo/${user}`))).status).toBe(200);
    const token = `Authorization: Bearer ${'t'.repeat(TOKEN_MAX_BYTES)}`;
    expect((await ask(through, requestText(`GET /api/v1/echo/${room}`, [token, `Cookie: a=${'c'.repeat(4096)}`]))).status).toBe(200);
    for (const { port } of through) {
      const fill = (bytes: number): string => requestText('GET /api/v1/online', [`X-Fill: ${'f'.repeat(bytes)}`]);
      expect(parseAnswer(await exchange(port, fill(HEAD_MAX_BYTES - 1024))).status).toBe(200);
      expect(parseAnswer(await exchange(port, fill(HEAD_MAX_BYTES + 1024))).status).toBe(431);
    }
  });

  it('to one request after the other on a connection, or say that they close it', async () => {
    for (const door of await doors()) {
      for (let turn = 0; turn < 3; turn += 1) {
        const answer = await door.send({ method: 'GET', url: '/api/v1/online' });
        expect(answer.status).toBe(200);
        expect(answer.headers.connection).toMatch(/^(?:keep-alive|close)$/);
      }
    }
  });
});
