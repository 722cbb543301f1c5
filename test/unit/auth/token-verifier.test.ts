import { createHmac, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TokenFault } from '#libs/auth/credentials.ts';
import { PublicKeys, SharedSecret } from '#libs/auth/signing-keys.ts';
import { TokenVerifier } from '#libs/auth/token-verifier.ts';
import { TokenSigner } from '#libs/auth/tokens.ts';
import { TOKEN_MAX_BYTES } from '#libs/protocol/limits.ts';

const SECRET = 'a secret that is long enough for HS256';
const NOW = 1_700_000_000_000;
const SECONDS = NOW / 1000;
const CLAIMS = { sub: 'u1', name: 'Ann', exp: SECONDS + 60 };

/** Signs whatever it is given, unlike a library that knows what is proper. */
function forge(header: object, claims: unknown, key: string | Buffer = SECRET): string {
  const text = typeof claims === 'string' ? claims : JSON.stringify(claims);
  const input = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${Buffer.from(text).toString('base64url')}`;
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
}

const token = (claims: object, header: object = { alg: 'HS256' }): string => forge(header, { ...CLAIMS, ...claims });

const secret = new SharedSecret(SECRET);
const verifier = new TokenVerifier({ secret, now: () => NOW });

const refused = (text: string, by: TokenVerifier = verifier): Promise<void> =>
  expect(by.verify(text), text.slice(0, 200)).rejects.toMatchObject({ name: 'HubError', code: 'TOKEN_EXPIRED' });

/** What a refused token is reported to fail by. */
const faultsOf = (text: string): readonly TokenFault[] => {
  const faults: TokenFault[] = [];
  const observe = { refused: (fault: TokenFault) => void faults.push(fault), keySet: () => undefined };
  expect(() => new TokenVerifier({ secret, now: () => NOW, observe }).verifyLocal(text)).toThrow();
  return faults;
};

describe('a good token', () => {
  it('[H3] gives its credentials', async () => {
    const full = token({ kind: 'agent', rooms: ['lobby', 'team:*'], login: 'login-1', unknown: { deep: true } });
    expect(await verifier.verify(full)).toEqual({
      userId: 'u1',
      name: 'Ann',
      kind: 'agent',
      expiresAt: SECONDS + 60,
      rooms: ['lobby', 'team:*'],
      login: 'login-1',
    });
    for (const claims of [{}, { kind: null, rooms: null, login: null }])
      expect(await verifier.verify(token(claims))).toEqual({ userId: 'u1', name: 'Ann', kind: 'user', expiresAt: SECONDS + 60 });
  });

  it('[H3] is not made in the future, beyond the skew', async () => {
    for (const iat of [SECONDS - 1e6, SECONDS, SECONDS + 5, SECONDS + 4.5]) await verifier.verify(token({ iat }));
    for (const iat of [SECONDS + 5.5, SECONDS + 6, SECONDS + 30, 1e300]) {
      await refused(token({ iat }));
      expect(faultsOf(token({ iat })), String(iat)).toEqual(['iat']);
    }
  });

  it('[H3] comes from the signer of the same settings, and from no other', async () => {
    const settings = { issuer: 'parley', audience: 'hub', now: () => NOW };
    const strict = new TokenVerifier({ ...settings, secret });
    const credentials = { userId: 'u9', name: 'Zoë 🦊', kind: 'guest', expiresAt: SECONDS + 9, rooms: ['a*'], login: 'l' };
    const issuedAt = SECONDS;
    expect(await strict.verify(new TokenSigner({ ...settings, key: secret }).sign(credentials))).toEqual({ ...credentials, issuedAt });
    const foreign = new TokenSigner({ ...settings, key: new SharedSecret(`another ${SECRET}`) });
    await refused(foreign.sign(credentials), strict);
  });

  it('[H3] may have any printable user id of 1 to 128 characters', async () => {
    for (const sub of ['x', 'a'.repeat(128), 'ann@example.org', 'é漢字', '🦊'.repeat(128), '{}~*', '__proto__']) {
      expect((await verifier.verify(token({ sub }))).userId).toBe(sub);
    }
    for (const sub of ['', 'a'.repeat(129), 'a b', 'a\u0000', 'a\n', '\u00a0', '\u200b', '\ud800', 7, null, ['u1'], undefined])
      await refused(token({ sub }));
  });

  it('[H3] [A3] must have a name, which is cleaned and cut to 64 characters; the id is shown where nothing is left', async () => {
    for (const name of ['A', 'n'.repeat(64), '🦊'.repeat(64), 'Ann Lee', '<b>x</b>'])
      expect((await verifier.verify(token({ name }))).name).toBe(name);
    const cleaned: readonly (readonly [string, string])[] = [
      ['', 'u1'],
      ['\u3164 ', 'u1'],
      ['\udc00', 'u1'],
      ['n'.repeat(65), 'n'.repeat(64)],
      ['a\u0007', 'a'],
      ['a\u2028b', 'ab'],
      [' Ann\u200b\u00a0 Lee ', 'Ann Lee'],
    ];
    for (const [name, shown] of cleaned) expect((await verifier.verify(token({ name }))).name).toBe(shown);
    for (const name of [7, null, {}, undefined]) await refused(token({ name }));
  });

  it('[H3] is refused where another claim has the wrong form', async () => {
    for (const rooms of ['park', {}, [7], ['a b'], ['*a'], ['a'.repeat(129)], '']) await refused(token({ rooms }));
    for (const login of ['', 7, 'a b', 'x'.repeat(129)]) await refused(token({ login }));
    for (const iat of ['now', {}, true]) await refused(token({ iat }));
    for (const kind of ['', 7, 'Root User']) await refused(token({ kind }));
  });
});

describe('time', () => {
  it('[H3] lets a token be 4 s late or early, not 6 s', async () => {
    expect(await verifier.verify(token({ exp: SECONDS - 4 }))).toMatchObject({ userId: 'u1' });
    await refused(token({ exp: SECONDS - 6 }));
    expect(await verifier.verify(token({ nbf: SECONDS + 4 }))).toMatchObject({ userId: 'u1' });
    await refused(token({ nbf: SECONDS + 6 }));
  });

  it('[H3] takes the time it is given', async () => {
    const ending = token({});
    expect(await verifier.verify(ending, NOW + 64_000)).toMatchObject({ userId: 'u1' });
    await expect(verifier.verify(ending, NOW + 66_000)).rejects.toMatchObject({ code: 'TOKEN_EXPIRED' });
  });

  it('[H3] needs a numeric exp', async () => {
    for (const exp of [undefined, null, '9999999999', '', {}, [SECONDS + 60], true]) await refused(token({ exp }));
    for (const nbf of ['0', null, {}]) await refused(token({ nbf }));
    expect(await verifier.verify(token({ exp: SECONDS + 60.7 }))).toMatchObject({ expiresAt: SECONDS + 60 });
    expect(await verifier.verify(token({ exp: 1e300 }))).toMatchObject({ expiresAt: 253_402_300_799 });
  });
});

describe('issuer and audience', () => {
  it('[H3] must be the set ones', async () => {
    const strict = new TokenVerifier({ secret, issuer: 'parley', audience: 'hub', now: () => NOW });
    expect(await strict.verify(token({ iss: 'parley', aud: 'hub' }))).toMatchObject({ userId: 'u1' });
    expect(await strict.verify(token({ iss: 'parley', aud: ['other', 'hub'] }))).toMatchObject({ userId: 'u1' });
    for (const claims of [
      {},
      { iss: 'parley' },
      { aud: 'hub' },
      { iss: 'evil', aud: 'hub' },
      { iss: 'parley', aud: 'hubs' },
      { iss: ['parley'], aud: 'hub' },
      { iss: 'parley', aud: [] },
      { iss: 'parley', aud: { hub: 1 } },
    ])
      await refused(token(claims), strict);
  });
});

describe('hostile tokens', () => {
  it('[H3] of no algorithm, another one, or none that exists are refused', async () => {
    for (const alg of [
      'none',
      'None',
      'NONE',
      'nOnE',
      '',
      'HS384',
      'HS512',
      'RS256',
      'ES256',
      'EdDSA',
      'dir',
      'hs256',
      '__proto__',
      'constructor',
      7,
      null,
      undefined,
    ]) {
      await refused(token({}, { alg }));
      await refused(token({}, { alg }).replace(/[^.]*$/, ''));
    }
  });

  it('[H3] are refused with a flipped bit, a missing part or another signature', async () => {
    const good = token({});
    const [header = '', payload = '', signature = ''] = good.split('.');
    const other = Buffer.from(JSON.stringify({ ...CLAIMS, sub: 'admin' })).toString('base64url');
    for (const bad of [
      `${header}.${other}.${signature}`,
      `${header}.${payload}.`,
      `${header}.${payload}`,
      `${header}..${signature}`,
      `.${payload}.${signature}`,
      `${good}.x`,
      `${good}=`,
      ` ${good}`,
      `${good}\n`,
      signature,
      '..',
      '.',
      '…',
      forge({ alg: 'HS256' }, CLAIMS, 'another key of quite enough length....'),
    ]) {
      await refused(bad);
    }
  });

  it('[H3] have one spelling only: stray bits at the end of a signature are no second one', async () => {
    const good = token({});
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const twins = [...alphabet].map((letter) => good.slice(0, -1) + letter).filter((twin) => twin !== good);
    const bytes = (text: string): string => Buffer.from(text.split('.')[2] ?? '', 'base64url').toString('hex');
    expect(twins.filter((twin) => bytes(twin) === bytes(good))).toHaveLength(3);
    for (const twin of twins) await refused(twin);
  });

  it('[H3] cannot bring their own key', async () => {
    const jwk = { kty: 'oct', k: Buffer.from('mine').toString('base64url') };
    for (const extra of [
      { jwk },
      { jku: 'http://127.0.0.1:9/' },
      { x5u: 'http://127.0.0.1:9/' },
      { kid: '../../../dev/null' },
      { kid: "' OR 1=1" },
      { x5c: ['AA=='] },
    ]) {
      await refused(forge({ alg: 'HS256', ...extra }, CLAIMS, 'mine'));
    }
    expect(await verifier.verify(token({}, { alg: 'HS256', jku: 'http://127.0.0.1:9/', kid: 'whatever' }))).toMatchObject({ userId: 'u1' });
  });

  it('[H3] with a critical header are refused, known or not', async () => {
    await refused(token({}, { alg: 'HS256', crit: ['mine'], mine: 1 }));
    await refused(token({}, { alg: 'HS256', crit: ['b64'], b64: true }));
    await refused(token({}, { alg: 'HS256', crit: ['b64'], b64: false }));
    await refused(token({}, { alg: 'HS256', crit: [] }));
  });

  it('[H3] whose payload is no object are refused', async () => {
    for (const text of ['', 'null', '[]', '7', '"x"', '{', '\u0000', '{"sub":"u1"', `[${JSON.stringify(CLAIMS)}]`])
      await refused(forge({ alg: 'HS256' }, text));
    await refused(forge({ alg: 'HS256' }, `{"__proto__":${JSON.stringify(CLAIMS)}}`));
  });

  it('[H3] of any other bytes are refused', { timeout: 90_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }), async (text) => {
        await refused(text);
      }),
      { numRuns: 200 },
    );
    const good = token({});
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.constantFrom('A', 'B', '.', '-', ' ', '\u0000'), async (at, letter) => {
        const changed = good.slice(0, at) + letter + good.slice(at + 1);
        if (changed !== good) await refused(changed);
      }),
      { numRuns: 200 },
    );
  });

  it('[H3] of 8 KB are taken, longer ones are refused unread', async () => {
    const sized = (size: number): string => {
      const bare = token({ pad: '' }).length;
      let pad = Math.floor(((size - bare) * 3) / 4);
      while (token({ pad: 'x'.repeat(pad) }).length < size) pad++;
      return token({ pad: 'x'.repeat(pad) });
    };
    const largest = sized(TOKEN_MAX_BYTES - 1);
    expect(largest.length).toBeGreaterThan(TOKEN_MAX_BYTES - 3);
    expect(await verifier.verify(largest)).toMatchObject({ userId: 'u1' });
    await refused(sized(TOKEN_MAX_BYTES + 1));
    await refused(sized(20_000));
  });
});

describe('settings', () => {
  it('[H3] an empty token is a missing one', async () => {
    await expect(verifier.verify('')).rejects.toMatchObject({ code: 'MISSING_TOKEN' });
  });

  it('[H3] refuses an empty secret, no source of keys, and addresses that are not http', () => {
    expect(() => new SharedSecret('')).toThrow(RangeError);
    expect(() => new TokenVerifier({})).toThrow(TypeError);
    expect(() => new TokenVerifier({ keys: new PublicKeys([]) })).toThrow(TypeError);
    expect(() => new TokenVerifier({ jwksUrl: 'file:///etc/passwd' })).toThrow(TypeError);
  });

  it('[H3] with a key set only, a secret made of a public key opens nothing', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const remote = new TokenVerifier({ jwksUrl: 'http://127.0.0.1:9/', now: () => NOW });
    for (const key of [publicKey.export({ type: 'spki', format: 'pem' }), publicKey.export({ type: 'spki', format: 'der' })]) {
      await refused(forge({ alg: 'HS256' }, CLAIMS, key), remote);
    }
  });
});
