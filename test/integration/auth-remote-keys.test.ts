import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { SharedSecret } from '#libs/auth/signing-keys.ts';
import { TokenVerifier, type TokenVerifierOptions } from '#libs/auth/token-verifier.ts';
import { makeCertificate } from '#test/support/certificate.ts';
import { freePort } from '#test/support/free-port.ts';
import { ecPair, edPair, forgeWithKey, forgeWithSecret, Issuer, publicJwk, rsaPair } from '#test/support/issuer.ts';

const NOW = 1_700_000_000_000;
const SECRET = 'a secret that is long enough for HS256';
const secret = new SharedSecret(SECRET);
const CLAIMS = { sub: 'u1', name: 'Ann', exp: NOW / 1000 + 60 };
const EXPECTED = { userId: 'u1', name: 'Ann', kind: 'user', expiresAt: NOW / 1000 + 60 };

const [rsa, rsa2, ec, ed] = [rsaPair(), rsaPair(), ecPair(), edPair()];

const issuers: Issuer[] = [];
afterEach(() => {
  for (const issuer of issuers.splice(0)) issuer.stop();
});

async function issuerOf(...keys: object[]): Promise<Issuer> {
  const issuer = await Issuer.start(keys);
  issuers.push(issuer);
  return issuer;
}

const verifierOf = ({ url: jwksUrl }: Issuer, more: TokenVerifierOptions = {}): TokenVerifier =>
  new TokenVerifier({ jwksUrl, now: () => NOW, jwksCooldownMs: 0, jwksFailureCooldownMs: 0, ...more });

const verify = (verifier: TokenVerifier, token: string): Promise<unknown> => verifier.verify(token);
const fails = (verdict: Promise<unknown>, code: string): Promise<void> => expect(verdict).rejects.toMatchObject({ name: 'HubError', code });

describe('keys of an issuer', () => {
  it('[H3] verify RS256, PS256, ES256 and EdDSA tokens', async () => {
    const issuer = await issuerOf(publicJwk(rsa, 'r'), publicJwk(ec, 'e'), publicJwk(ed, 'd'));
    const verifier = verifierOf(issuer);
    for (const [alg, key, kid] of [
      ['RS256', rsa, 'r'],
      ['PS256', rsa, 'r'],
      ['ES256', ec, 'e'],
      ['EdDSA', ed, 'd'],
    ] as const) {
      expect(await verify(verifier, forgeWithKey({ alg, kid }, CLAIMS, key))).toEqual(EXPECTED);
      expect(await verify(verifier, forgeWithKey({ alg }, CLAIMS, key))).toEqual(EXPECTED);
      await fails(verify(verifier, forgeWithKey({ alg, kid }, { ...CLAIMS, exp: NOW / 1000 - 6 }, key)), 'TOKEN_EXPIRED');
    }
    expect(issuer.requests.length).toBe(1);
  });

  it('[H3] never verify with an algorithm that is not theirs', async () => {
    const issuer = await issuerOf(publicJwk(rsa, 'r', { alg: 'RS256' }), publicJwk(ec, 'e'), {
      kty: 'oct',
      k: Buffer.from('known to all').toString('base64url'),
      kid: 'o',
    });
    const verifier = verifierOf(issuer, { secret });
    expect(await verify(verifier, forgeWithKey({ alg: 'RS256', kid: 'r' }, CLAIMS, rsa))).toEqual(EXPECTED);
    expect(await verify(verifier, forgeWithSecret({ alg: 'HS256', kid: 'r' }, CLAIMS, SECRET))).toEqual(EXPECTED);
    await fails(verify(verifier, forgeWithKey({ alg: 'PS256', kid: 'r' }, CLAIMS, rsa)), 'TOKEN_EXPIRED');
    await fails(verify(verifier, forgeWithKey({ alg: 'RS256', kid: 'e' }, CLAIMS, rsa)), 'TOKEN_EXPIRED');
    await fails(verify(verifier, forgeWithSecret({ alg: 'HS256', kid: 'o' }, CLAIMS, 'known to all')), 'TOKEN_EXPIRED');
    const { publicKey } = rsa;
    for (const secret of [
      publicKey.export({ type: 'spki', format: 'pem' }),
      publicKey.export({ type: 'spki', format: 'der' }),
      JSON.stringify(publicJwk(rsa, 'r')),
    ]) {
      await fails(verify(verifier, forgeWithSecret({ alg: 'HS256', kid: 'r' }, CLAIMS, secret)), 'TOKEN_EXPIRED');
      await fails(verify(verifier, forgeWithSecret({ alg: 'HS256' }, CLAIMS, secret)), 'TOKEN_EXPIRED');
    }
    for (const alg of ['none', 'RS384', 'ES384', 'Ed25519x']) {
      await fails(verify(verifier, forgeWithKey({ alg, kid: 'r' }, CLAIMS, rsa)), 'TOKEN_EXPIRED');
    }
  });

  it('[H3] do not help a token with a critical header, known or not', async () => {
    const verifier = verifierOf(await issuerOf(publicJwk(rsa, 'r')));
    for (const header of [{ crit: ['b64'], b64: true }, { crit: ['b64'], b64: false }, { crit: ['exp'], exp: 1 }, { crit: [] }]) {
      await fails(verify(verifier, forgeWithKey({ alg: 'RS256', kid: 'r', ...header }, CLAIMS, rsa)), 'TOKEN_EXPIRED');
    }
  });

  it('[H3] come from the set address alone: what a token names is never fetched', async () => {
    const own = publicJwk(rsa2, 'mine');
    const trap = await issuerOf(own);
    const issuer = await issuerOf(publicJwk(rsa, 'r'));
    const verifier = verifierOf(issuer);
    for (const header of [
      { jku: `${trap.origin}/jku` },
      { x5u: `${trap.origin}/x5u` },
      { jwk: own },
      { kid: `${trap.origin}/kid` },
      { jku: `${trap.origin}/jku`, kid: 'mine' },
      { iss: trap.origin },
    ]) {
      await fails(verify(verifier, forgeWithKey({ alg: 'RS256', kid: 'r', ...header }, CLAIMS, rsa2)), 'TOKEN_EXPIRED');
      await fails(verify(verifier, forgeWithKey({ alg: 'RS256', ...header }, CLAIMS, rsa2)), 'TOKEN_EXPIRED');
    }
    expect(trap.requests).toEqual([]);
  });

  it('[H3] are tried one after the other where a token names none', async () => {
    const issuer = await issuerOf(publicJwk(rsa), publicJwk(rsa2), publicJwk(ec));
    const verifier = verifierOf(issuer);
    expect(await verify(verifier, forgeWithKey({ alg: 'RS256' }, CLAIMS, rsa2))).toEqual(EXPECTED);
    await fails(verify(verifier, forgeWithKey({ alg: 'RS256' }, CLAIMS, rsaPair())), 'TOKEN_EXPIRED');
  });
});

describe('rotation', () => {
  it('[H3] a key id not seen yet is looked up again, once a cool-down', async () => {
    const issuer = await issuerOf(publicJwk(rsa, 'old'));
    const eager = verifierOf(issuer);
    expect(await verify(eager, forgeWithKey({ alg: 'RS256', kid: 'old' }, CLAIMS, rsa))).toEqual(EXPECTED);
    issuer.keys = [publicJwk(rsa2, 'new')];
    expect(await verify(eager, forgeWithKey({ alg: 'RS256', kid: 'new' }, CLAIMS, rsa2))).toEqual(EXPECTED);
    await fails(verify(eager, forgeWithKey({ alg: 'RS256', kid: 'old' }, CLAIMS, rsa)), 'TOKEN_EXPIRED');

    const calm = verifierOf(issuer, { jwksCooldownMs: 60_000 });
    expect(await verify(calm, forgeWithKey({ alg: 'RS256', kid: 'new' }, CLAIMS, rsa2))).toEqual(EXPECTED);
    const before = issuer.requests.length;
    // The key may have been published since: nothing final is said within the cool-down.
    for (let n = 0; n < 20; n++) await fails(verify(calm, forgeWithKey({ alg: 'RS256', kid: `k${n}` }, CLAIMS, rsa2)), 'UNAVAILABLE');
    await expect(verify(calm, forgeWithKey({ alg: 'RS256', kid: 'k' }, CLAIMS, rsa2))).rejects.toMatchObject({ retryAfter: 60 });
    expect(issuer.requests.length).toBe(before);
  });

  it('[H3] a wall clock that is set back keeps no new key away', async () => {
    const issuer = await issuerOf(publicJwk(rsa, 'old'));
    let steady = 0;
    const verifier = verifierOf(issuer, { steady: () => steady, jwksCooldownMs: 10_000 });
    expect(await verify(verifier, forgeWithKey({ alg: 'RS256', kid: 'old' }, CLAIMS, rsa))).toEqual(EXPECTED);
    issuer.keys = [publicJwk(rsa, 'old'), publicJwk(rsa2, 'new')];
    const back = Date.now() - 3_600_000;
    const wall = vi.spyOn(Date, 'now').mockReturnValue(back);
    const young = forgeWithKey({ alg: 'RS256', kid: 'new' }, CLAIMS, rsa2);
    await fails(verify(verifier, young), 'UNAVAILABLE');
    steady += 10_000;
    expect(await verify(verifier, young)).toEqual(EXPECTED);
    wall.mockRestore();
  });

  it('[H3] old keys are fetched again beside the verifications, and serve while the issuer is away', async () => {
    const issuer = await issuerOf(publicJwk(rsa, 'r'));
    let now = NOW;
    const verifier = verifierOf(issuer, { steady: () => now, jwksMaxAgeMs: 10_000 });
    const good = forgeWithKey({ alg: 'RS256', kid: 'r' }, CLAIMS, rsa);
    expect(await verify(verifier, good)).toEqual(EXPECTED);
    now += 11_000;
    issuer.status = 500;
    expect(await verify(verifier, good)).toEqual(EXPECTED);
    await expect.poll(() => issuer.requests.length).toBe(2);
    await fails(verify(verifier, forgeWithKey({ alg: 'RS256', kid: 'unseen' }, CLAIMS, rsa)), 'UNAVAILABLE');
    issuer.status = 200;
    issuer.keys = [];
    await expect
      .poll(() =>
        verify(verifier, good).then(
          () => 'good',
          (error: { code?: string }) => error.code,
        ),
      )
      .toBe('TOKEN_EXPIRED');
  });
});

describe('what whoever sets it up is told', () => {
  const good = forgeWithKey({ alg: 'RS256', kid: 'r' }, CLAIMS, rsa);

  it('[H4] why the key set cannot be fetched, and that it can', async () => {
    const issuer = await issuerOf(publicJwk(rsa, 'r'));
    const told: (string | undefined)[] = [];
    const observe = { refused: () => undefined, keySet: (problem: string | undefined) => void told.push(problem) };
    const verifier = verifierOf(issuer, { observe });
    for (const [status, body] of [
      [404, undefined],
      [302, undefined],
      [200, '<html>'],
      [200, '{"keys":7}'],
      [200, undefined],
    ] as const) {
      Object.assign(issuer, { status, body });
      await verify(verifier, good).catch(() => undefined);
    }
    expect(told).toEqual(['it answers 404', 'it answers 302', 'its answer is not JSON', 'its answer is not a JWK Set', undefined]);
    const nowhere = new TokenVerifier({ jwksUrl: `http://127.0.0.1:${await freePort()}/keys`, observe });
    await fails(verify(nowhere, good), 'UNAVAILABLE');
    expect(told.at(-1)).toContain('ECONNREFUSED');
  });

  it('[H4] that its certificate is of an unknown authority', async () => {
    const { cert, key } = makeCertificate();
    const server = createServer({ cert, key }, (_, response) => response.end('{"keys":[]}'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const told: (string | undefined)[] = [];
    const observe = { refused: () => undefined, keySet: (problem: string | undefined) => void told.push(problem) };
    await fails(verify(new TokenVerifier({ jwksUrl: `https://localhost:${port}/keys`, observe }), good), 'UNAVAILABLE');
    expect(told).toEqual([expect.stringContaining('self-signed certificate')]);
    await new Promise((resolve) => server.close(resolve));
  });

  it('[H3] what a refused token fails by, and no value of it', async () => {
    const issuer = await issuerOf(publicJwk(rsa, 'r'));
    const faults: string[] = [];
    const observe = { refused: (fault: string) => void faults.push(fault), keySet: () => undefined };
    const verifier = verifierOf(issuer, { observe, secret, issuer: 'us', audience: 'chat' });
    const right = { ...CLAIMS, iss: 'us', aud: 'chat' };
    const cases: readonly (readonly [object, string])[] = [
      [{ ...right, exp: NOW / 1000 - 60 }, 'exp'],
      [{ ...right, nbf: NOW / 1000 + 60 }, 'nbf'],
      [{ ...right, iss: 'them' }, 'iss'],
      [{ ...right, aud: 'mail' }, 'aud'],
      [{ ...right, sub: '' }, 'sub'],
      [{ ...right, name: 7 }, 'name'],
      [{ ...right, rooms: 'all' }, 'rooms'],
    ];
    for (const [claims, fault] of cases) {
      for (const token of [forgeWithKey({ alg: 'RS256', kid: 'r' }, claims, rsa), forgeWithSecret({ alg: 'HS256' }, claims, SECRET)]) {
        await fails(verify(verifier, token), 'TOKEN_EXPIRED');
        expect(faults.splice(0), `${fault} of ${JSON.stringify(claims)}`).toEqual([fault]);
      }
    }
    await fails(verify(verifier, forgeWithKey({ alg: 'RS256', kid: 'r' }, right, rsa2)), 'TOKEN_EXPIRED');
    await fails(verify(verifier, forgeWithSecret({ alg: 'HS256' }, right, 'another secret that is long enough')), 'TOKEN_EXPIRED');
    await fails(verify(verifier, forgeWithKey({ alg: 'RS256', kid: 'none' }, right, rsa)), 'TOKEN_EXPIRED');
    await fails(verify(verifier, 'no.token'), 'TOKEN_EXPIRED');
    expect(faults).toEqual(['signature', 'signature', 'key', 'form']);
  });
});

describe('an issuer that is away', () => {
  const good = forgeWithKey({ alg: 'RS256', kid: 'r' }, CLAIMS, rsa);

  it('[H4] is UNAVAILABLE, and all is well when it comes back', async () => {
    const issuer = await issuerOf(publicJwk(rsa, 'r'));
    const verifier = verifierOf(issuer);
    for (const [status, body] of [
      [500, undefined],
      [302, undefined],
      [404, undefined],
      [200, '<html>'],
      [200, '{}'],
      [200, '{"keys":7}'],
      [200, 'x'.repeat(2_000_000)],
    ] as const) {
      Object.assign(issuer, { status, body });
      await fails(verify(verifier, good), 'UNAVAILABLE');
    }
    Object.assign(issuer, { status: 200, body: undefined });
    expect(await verify(verifier, good)).toEqual(EXPECTED);
  });

  it('[H4] is asked once for many tokens, and not again right after a failure', async () => {
    const issuer = await issuerOf(publicJwk(rsa, 'r'));
    issuer.status = 503;
    let now = NOW;
    const verifier = verifierOf(issuer, { steady: () => now, jwksFailureCooldownMs: 1_000 });
    await Promise.all(Array.from({ length: 50 }, () => fails(verify(verifier, good), 'UNAVAILABLE')));
    for (let n = 0; n < 10; n++) await fails(verify(verifier, good), 'UNAVAILABLE');
    expect(issuer.requests.length).toBe(1);
    issuer.status = 200;
    now += 1_000;
    expect(await Promise.all(Array.from({ length: 50 }, () => verify(verifier, good)))).toHaveLength(50);
    expect(issuer.requests.length).toBe(2);
  });

  it('[H4] that never answers is given up after a while', async () => {
    const issuer = await issuerOf();
    issuer.hold();
    const verifier = verifierOf(issuer, { jwksTimeoutMs: 100 });
    await fails(verify(verifier, good), 'UNAVAILABLE');
  });

  it('[H4] has no part in a token for the secret', async () => {
    const issuer = await issuerOf();
    issuer.status = 500;
    const verifier = verifierOf(issuer, { secret });
    expect(await verify(verifier, forgeWithSecret({ alg: 'HS256' }, CLAIMS, SECRET))).toEqual(EXPECTED);
    await fails(verify(verifier, forgeWithSecret({ alg: 'HS256' }, CLAIMS, 'forged')), 'TOKEN_EXPIRED');
    expect(issuer.requests.length).toBe(0);
  });
});
