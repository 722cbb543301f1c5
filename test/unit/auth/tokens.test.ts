import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { calculateJwkThumbprint, importJWK, jwtVerify } from 'jose';
import { afterAll, describe, expect, it } from 'vitest';
import { deriveKey, openTokens, type TokenSettings } from '#libs/auth/tokens.ts';
import { ConfigError } from '#libs/config/config.ts';
import { forgeWithKey } from '#test/support/issuer.ts';
import { makeFolder, removeFolder } from '#test/support/temp-folder.ts';

const NOW = 1_700_000_000_000;
const ANN = { userId: 'ann', name: 'Ann', kind: 'user', expiresAt: NOW / 1000 + 60, issuedAt: NOW / 1000, login: 'l' } as const;
const SECRET = 'a secret that is long enough for HS256';
const NONE: TokenSettings = {
  jwtSecrets: [],
  jwtSigningKey: undefined,
  jwtPublicKeys: [],
  jwtJwksUrl: undefined,
  jwtIssuer: undefined,
  jwtAudience: undefined,
};

const folder = makeFolder('parley-keys-');
afterAll(() => removeFolder(folder));

interface Files {
  readonly pair: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
  readonly privatePath: string;
  readonly publicPath: string;
}

function keyFiles(name: string, pair: Files['pair']): Files {
  const [privatePath, publicPath] = [join(folder, `${name}.pem`), join(folder, `${name}.pub.pem`)];
  writeFileSync(privatePath, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(publicPath, pair.publicKey.export({ type: 'spki', format: 'pem' }));
  return { pair, privatePath, publicPath };
}

const ec = keyFiles('ec', generateKeyPairSync('ec', { namedCurve: 'P-256' }));
const ed = keyFiles('ed', generateKeyPairSync('ed25519'));
const open = (settings: Partial<TokenSettings>) => openTokens({ ...NONE, ...settings }, () => NOW);
const refused = (tokens: ReturnType<typeof open>, token: string): void =>
  expect(() => tokens.verifier.verifyLocal(token)).toThrow(expect.objectContaining({ code: 'TOKEN_EXPIRED' }));

describe('a pair of keys', () => {
  it.each([
    ['ES256', ec],
    ['EdDSA', ed],
  ])(
    '[H3] signs %s tokens that it takes at once, and that others can verify by the JWKS',
    async (alg, { pair, privatePath, publicPath }) => {
      const { signer, verifier, jwks } = open({ jwtSigningKey: privatePath, jwtIssuer: 'parley', jwtAudience: 'hub' });
      const token = signer?.sign(ANN) ?? '';
      expect(verifier.verifyLocal(token)).toEqual(ANN);
      expect(open({ jwtPublicKeys: [publicPath], jwtIssuer: 'parley', jwtAudience: 'hub' }).verifier.verifyLocal(token)).toEqual(ANN);
      const [jwk] = jwks?.keys ?? [];
      if (jwk === undefined) throw new Error('no key is published');
      expect(jwks?.keys).toHaveLength(1);
      expect(jwk).not.toHaveProperty('d');
      expect(jwk).toMatchObject({ alg, use: 'sig', kid: await calculateJwkThumbprint({ ...jwk }, 'sha256') });
      const { payload, protectedHeader } = await jwtVerify(token, await importJWK({ ...jwk }, alg), {
        currentDate: new Date(NOW),
        issuer: 'parley',
        audience: 'hub',
      });
      expect(protectedHeader).toEqual({ alg, typ: 'JWT', kid: jwk.kid });
      expect(payload).toMatchObject({ sub: 'ann', name: 'Ann', kind: 'user', login: 'l' });
      expect(
        open({ jwtSigningKey: privatePath }).verifier.verifyLocal(forgeWithKey({ alg }, { sub: 'u', name: 'n', exp: ANN.expiresAt }, pair)),
      ).toMatchObject({ userId: 'u' });
    },
  );

  it('[H3] takes over from another: the old one’s tokens are good until it is taken out', () => {
    const before = open({ jwtSigningKey: ec.privatePath, jwtPublicKeys: [ed.publicPath] });
    const during = open({ jwtSigningKey: ed.privatePath, jwtPublicKeys: [ec.publicPath] });
    const after = open({ jwtSigningKey: ed.privatePath });
    const [old, fresh] = [before.signer?.sign(ANN) ?? '', during.signer?.sign(ANN) ?? ''];
    for (const tokens of [before, during]) for (const token of [old, fresh]) expect(tokens.verifier.verifyLocal(token)).toEqual(ANN);
    expect(after.verifier.verifyLocal(fresh)).toEqual(ANN);
    refused(after, old);
    expect(during.jwks?.keys.map(({ kid }) => kid).toSorted()).toEqual(before.jwks?.keys.map(({ kid }) => kid).toSorted());
    expect(after.jwks?.keys).toHaveLength(1);
  });

  it('[H3] and a secret beside it: the pair signs, both are taken', () => {
    const both = open({ jwtSigningKey: ec.privatePath, jwtSecrets: [SECRET] });
    const bySecret = open({ jwtSecrets: [SECRET] });
    expect(both.verifier.verifyLocal(bySecret.signer?.sign(ANN) ?? '')).toEqual(ANN);
    const token = both.signer?.sign(ANN) ?? '';
    expect(both.verifier.verifyLocal(token)).toEqual(ANN);
    refused(bySecret, token);
    expect(bySecret.jwks).toBeUndefined();
  });
});

it('signs with the first of several secrets, and accepts tokens of each', () => {
  const next = `next ${SECRET}`;
  const [before, during, after, apart] = [[SECRET], [SECRET, next], [next, SECRET], [next]].map((jwtSecrets) => open({ jwtSecrets }));
  const signed = (tokens: typeof before) => tokens?.signer?.sign(ANN) ?? '';
  for (const tokens of [before, during]) {
    for (const verifying of [before, during, after]) expect(verifying?.verifier.verifyLocal(signed(tokens))).toEqual(ANN);
    expect(() => apart?.verifier.verifyLocal(signed(tokens))).toThrow();
  }
  for (const tokens of [after, apart]) {
    for (const verifying of [during, after, apart]) expect(verifying?.verifier.verifyLocal(signed(tokens))).toEqual(ANN);
    expect(() => before?.verifier.verifyLocal(signed(tokens))).toThrow();
  }
  // What is wrong with a token of the second secret is still told, not hidden by the first.
  expect(() => during?.verifier.verifyLocal(apart?.signer?.sign({ ...ANN, expiresAt: NOW / 1000 - 60 }) ?? '')).toThrow(
    expect.objectContaining({ code: 'TOKEN_EXPIRED' }),
  );
});

describe('hostile tokens', () => {
  const claims = { sub: 'u', name: 'n', exp: NOW / 1000 + 60 };
  const tokens = open({ jwtSigningKey: ec.privatePath, jwtPublicKeys: [ed.publicPath], jwtSecrets: [SECRET] });
  const [{ kid: ecKid } = { kid: '' }, { kid: edKid } = { kid: '' }] = tokens.jwks?.keys ?? [];

  it('[H3] under another algorithm than the key’s, or another key’s name, are refused', () => {
    for (const header of [
      { alg: 'EdDSA', kid: ecKid },
      { alg: 'RS256', kid: ecKid },
      { alg: 'none', kid: ecKid },
      { alg: 'ES256', kid: edKid },
      { alg: 'ES256', kid: 'unknown' },
      { alg: 'ES256', kid: 7 },
      { alg: 'ES256', kid: ecKid, crit: ['exp'] },
      { alg: 'ES384', kid: ecKid },
    ])
      refused(tokens, forgeWithKey(header, claims, ec.pair));
    expect(tokens.verifier.verifyLocal(forgeWithKey({ alg: 'ES256', kid: ecKid }, claims, ec.pair))).toMatchObject({ userId: 'u' });
    expect(tokens.verifier.verifyLocal(forgeWithKey({ alg: 'EdDSA', kid: edKid }, claims, ed.pair))).toMatchObject({ userId: 'u' });
  });

  it('[H3] cannot take a public key for the secret', () => {
    for (const key of [
      ec.pair.publicKey.export({ type: 'spki', format: 'pem' }),
      ec.pair.publicKey.export({ type: 'spki', format: 'der' }),
      JSON.stringify(tokens.jwks?.keys[0]),
    ]) {
      const input = [{ alg: 'HS256', kid: ecKid }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
      refused(tokens, `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`);
    }
  });

  it('[H3] cannot bring their own key', () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwk = createPublicKey(other.privateKey).export({ format: 'jwk' });
    for (const extra of [{ jwk }, { jku: 'http://127.0.0.1:9/' }, { x5u: 'http://127.0.0.1:9/' }, { kid: ecKid }])
      refused(tokens, forgeWithKey({ alg: 'ES256', ...extra }, claims, other));
  });

  it('[H3] signed with ASN.1 instead of the two numbers are refused', () => {
    const good = forgeWithKey({ alg: 'ES256', kid: ecKid }, claims, ec.pair);
    const raw = Buffer.from(good.split('.')[2] ?? '', 'base64url');
    const number = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([2, 33, 0]), bytes]);
    const body = Buffer.concat([number(raw.subarray(0, 32)), number(raw.subarray(32))]);
    const asn1 = Buffer.concat([Buffer.from([0x30, body.length]), body]).toString('base64url');
    refused(tokens, good.replace(/[^.]*$/, asn1));
  });
});

describe('key files', () => {
  it('[H3] that are none are told of together, with the names of their settings', () => {
    const rsa = keyFiles('rsa', generateKeyPairSync('rsa', { modulusLength: 2048 }));
    const p384 = keyFiles('p384', generateKeyPairSync('ec', { namedCurve: 'P-384' }));
    writeFileSync(join(folder, 'junk'), 'junk');
    const settings = {
      jwtSigningKey: rsa.privatePath,
      jwtPublicKeys: [p384.publicPath, join(folder, 'absent'), join(folder, 'junk'), ed.publicPath],
    };
    try {
      open(settings);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      expect((error as ConfigError).problems.map((problem) => problem.split(' ')[0])).toEqual([
        'JWT_SIGNING_KEY',
        'JWT_PUBLIC_KEYS',
        'JWT_PUBLIC_KEYS',
        'JWT_PUBLIC_KEYS',
      ]);
    }
  });

  it('[H3] no key at all is an error', () => {
    expect(() => open({})).toThrow(TypeError);
  });
});

describe('keys derived from a secret', () => {
  it('are the same for the same purpose, and others for another', () => {
    const hex = (key: Uint8Array): string => Buffer.from(key).toString('hex');
    expect(hex(deriveKey(SECRET, 'a'))).toBe(hex(deriveKey(SECRET, 'a')));
    expect(deriveKey(SECRET, 'a')).toHaveLength(32);
    expect(new Set([hex(deriveKey(SECRET, 'a')), hex(deriveKey(SECRET, 'b')), hex(deriveKey(`${SECRET}!`, 'a'))]).size).toBe(3);
  });
});
