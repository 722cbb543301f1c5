import { describe, expect, it } from 'vitest';
import { mailOf, PAGE, requestOf, STORED } from '#bench/load/http-request.ts';

function bodyOf(n: number): unknown {
  return JSON.parse(requestOf('code', n, '').body ?? '');
}

describe('requests of the load', () => {
  it('are about an account and from an address that no other one has', () => {
    const some = [0, 1, 255, 256, 65_535, 65_536, 99_999];
    expect(new Set(some.map((n) => requestOf('verify', n, '').headers['x-forwarded-for'])).size).toBe(some.length);
    expect(some.map(bodyOf)).toEqual(some.map((n) => ({ account: mailOf(n) })));
  });

  it('ask for full pages only', () => {
    for (let n = 0; n < 50_000; n += 7) {
      const before = Number(/before=(\d+)/.exec(requestOf('history', n, 'token').path)?.[1]);
      expect(before).toBeGreaterThan(PAGE);
      expect(before).toBeLessThanOrEqual(STORED + 1);
    }
  });

  it('say who sends them, where somebody has to', () => {
    expect(requestOf('push', 1, 'key').headers).toMatchObject({ authorization: 'Bearer key' });
    expect(requestOf('history', 1, 'token').headers).toEqual({ authorization: 'Bearer token' });
    expect(requestOf('code', 1, 'key').headers).not.toHaveProperty('authorization');
  });
});
