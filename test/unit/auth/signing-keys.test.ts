import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { requireRegistered } from '#libs/auth/compact-jws.ts';
import { SharedSecret } from '#libs/auth/signing-keys.ts';

const SECRET = 'a secret of thirty-two bytes or more';
const NOW = 1_700_000_000;
const key = new TextEncoder().encode(SECRET);

function signed(header: unknown, claims: unknown, secret = SECRET): string {
  const parts = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${parts}.${createHmac('sha256', secret).update(parts).digest('base64url')}`;
}

function ours(token: string): boolean {
  try {
    const claims = new SharedSecret(SECRET).claims(token);
    requireRegistered(claims, { issuer: 'i', audience: 'a', toleranceSeconds: 5 }, NOW * 1000);
    return true;
  } catch {
    return false;
  }
}

async function theirs(token: string): Promise<boolean> {
  const options = { algorithms: ['HS256'], issuer: 'i', audience: 'a', requiredClaims: ['exp'], clockTolerance: 5 };
  return jwtVerify(token, key, { ...options, currentDate: new Date(NOW * 1000) }).then(
    () => true,
    () => false,
  );
}

describe('[H3] the shared secret', () => {
  const odd = fc.constantFrom<unknown>(null, true, '', 'HS256', 'none', 'HS512', {}, [], 0);
  const time = fc.oneof(fc.integer({ min: NOW - 8, max: NOW + 8 }), fc.constantFrom<unknown>(undefined, 'soon', null, -1, NOW + 0.5));
  const header = fc.record({ alg: fc.oneof({ weight: 4, arbitrary: fc.constant<unknown>('HS256') }, odd), typ: odd }, { requiredKeys: [] });
  const claims = fc.record(
    {
      exp: fc.oneof({ weight: 3, arbitrary: fc.constant<unknown>(NOW + 60) }, time),
      nbf: fc.oneof({ weight: 3, arbitrary: fc.constant<unknown>(undefined) }, time),
      iss: fc.constantFrom<unknown>('i', 'i', 'i', 'x', undefined, ['i']),
      aud: fc.constantFrom<unknown>('a', ['a'], ['b', 'a'], 'a', ['b'], undefined, 7),
      sub: odd,
    },
    { requiredKeys: ['iss', 'aud'] },
  );

  it('takes and refuses the same tokens as jose', { timeout: 90_000 }, async () => {
    const verdicts = new Set<boolean>();
    await fc.assert(
      fc.asyncProperty(header, claims, async (head, body) => {
        const token = signed(head, body);
        const verdict = ours(token);
        verdicts.add(verdict);
        expect(verdict).toBe(await theirs(token));
      }),
      { numRuns: 400 },
    );
    expect(verdicts).toEqual(new Set([true, false]));
  });

  it('refuses another secret, a critical header, and parts that are no objects', () => {
    const good = { exp: NOW + 60, iss: 'i', aud: 'a' };
    expect(ours(signed({ alg: 'HS256' }, good))).toBe(true);
    expect(ours(signed({ alg: 'HS256' }, good, `${SECRET}!`))).toBe(false);
    expect(ours(signed({ alg: 'HS256', crit: ['exp'] }, good))).toBe(false);
    expect(ours(signed(['HS256'], good))).toBe(false);
    expect(ours(signed({ alg: 'HS256' }, null))).toBe(false);
    expect(ours(signed({ alg: 'HS256' }, [good]))).toBe(false);
  });

  it('cannot be empty', () => {
    expect(() => new SharedSecret('')).toThrow(RangeError);
  });
});
