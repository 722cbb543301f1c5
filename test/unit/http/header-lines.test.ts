import { describe, expect, it } from 'vitest';
import { faultOf, HeaderLines } from '#libs/http/header-lines.ts';

const lines = (...raw: string[]): HeaderLines => HeaderLines.fromRaw(raw);

describe('header lines', () => {
  it('of one name are one list, cookies one list of theirs', () => {
    const headers = lines('X-Forwarded-For', '1.1.1.1', 'Cookie', 'a=1', 'x-forwarded-for', '2.2.2.2', 'Cookie', 'b=2');
    expect([headers.get('x-forwarded-for'), headers.get('cookie'), headers.get('host')]).toEqual(['1.1.1.1, 2.2.2.2', 'a=1; b=2', '']);
    expect([headers.has('cookie'), headers.has('host')]).toEqual([true, false]);
    expect(headers.lists('x-forwarded-for', '2.2.2.2')).toBe(true);
    expect([...headers]).toHaveLength(4);
  });

  it.each([
    ['GET', ['Host', 'a', 'Host', 'a']],
    ['GET', ['Origin', 'https://a.test', 'origin', 'https://b.test']],
    ['GET', ['Authorization', 'Bearer a', 'Authorization', 'Bearer a']],
    ['POST', ['Content-Length', '3', 'Content-Length', '5']],
    ['POST', ['Content-Length', '3, 3']],
    ['POST', ['Content-Length', '']],
    ['POST', ['Content-Length', '+3']],
    ['POST', ['Content-Type', 'application/json', 'Content-Type', 'text/plain']],
    ['POST', ['Content-Length', '3', 'Transfer-Encoding', 'chunked']],
    ['POST', ['Transfer-Encoding', 'identity']],
    ['POST', ['Transfer-Encoding', 'gzip, chunked']],
    ['POST', ['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked']],
    ['POST', ['Upgrade', 'h2c, WebSocket']],
  ])('%s with %j are no request', (method, raw) => {
    expect(faultOf(method, lines(...raw))).toMatch(/\w/);
  });

  it.each([
    ['GET', ['Host', 'a', 'Cookie', 'a=1', 'Cookie', 'b=2', 'X-Forwarded-For', '1.1.1.1', 'X-Forwarded-For', '2.2.2.2']],
    ['GET', ['Upgrade', 'websocket']],
    ['POST', ['Upgrade', 'h2c', 'Content-Length', '3']],
    ['POST', ['Transfer-Encoding', 'Chunked']],
  ])('%s with %j are one', (method, raw) => {
    expect(faultOf(method, lines(...raw))).toBeUndefined();
  });
});
