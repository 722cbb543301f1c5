/** Creates the signer and the verifier of tokens from the keys in the settings. */
import { hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Config, ConfigError } from '#libs/config/config.ts';
import type { Claims } from './compact-jws.ts';
import type { Credentials, TokenObserver } from './credentials.ts';
import { type PublicJwk, PublicKey, PublicKeys, SharedSecrets, SigningKey } from './signing-keys.ts';
import { TokenVerifier } from './token-verifier.ts';

/** Key and fixed claims of a `TokenSigner`. */
export interface TokenSignerOptions {
  /** The signing key: the shared secret, or a private key. */
  readonly key: { sign(claims: Claims): string };
  /** The `iss` of every token. */
  readonly issuer?: string | undefined;
  /** The `aud` of every token. */
  readonly audience?: string | undefined;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

/** Signs the hub's own tokens. A `TokenVerifier` of the same settings accepts them. */
export class TokenSigner {
  readonly #options: TokenSignerOptions;
  readonly #now: () => number;

  constructor(options: TokenSignerOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /**
   * Returns a compact JWT. Its `iat` is `issuedAt`, by default now. The credentials are not
   * checked: if they break the rules for claims, the verifier rejects the token later.
   */
  sign(credentials: Credentials): string {
    const { userId, name, kind, expiresAt, issuedAt = this.#now() / 1000, rooms, login } = credentials;
    const { key, issuer, audience } = this.#options;
    return key.sign({
      sub: userId,
      name,
      kind,
      ...(rooms === undefined ? {} : { rooms }),
      ...(login === undefined ? {} : { login }),
      ...(issuer === undefined ? {} : { iss: issuer }),
      ...(audience === undefined ? {} : { aud: audience }),
      // In milliseconds (RFC 7519 section 2 allows fractions): a login right after a revocation of
      // all earlier tokens is newer than it.
      iat: Math.floor(issuedAt * 1000) / 1000,
      exp: expiresAt,
    });
  }
}

/** The settings that name keys and expected claims. */
export type TokenSettings = Pick<Config, 'jwtSecrets' | 'jwtSigningKey' | 'jwtPublicKeys' | 'jwtJwksUrl' | 'jwtIssuer' | 'jwtAudience'>;

/** The result of `openTokens`. */
export interface Tokens {
  /** Accepts the tokens of all configured keys. */
  readonly verifier: TokenVerifier;
  /** Undefined if neither `JWT_SIGNING_KEY` nor `JWT_SECRET` is set. */
  readonly signer: TokenSigner | undefined;
  /** The body of `/.well-known/jwks.json`; undefined if no key pair and no public key is set. */
  readonly jwks: { readonly keys: readonly PublicJwk[] } | undefined;
}

/**
 * Opens the keys in the settings. `JWT_SIGNING_KEY` signs if it is set, otherwise the first
 * `JWT_SECRET`. The verifier accepts tokens of all secrets, of both kinds of keys, and of the issuer
 * at `JWT_JWKS_URL`.
 *
 * To replace a key without failures: (1) put the new public key into `JWT_PUBLIC_KEYS` on all
 * nodes; (2) sign with the new private key, and put the old public key there; (3) remove the old
 * public key after its last token has expired (24 hours). A secret likewise: `JWT_SECRET` is (1)
 * `old,new`, (2) `new,old`, (3) `new`.
 *
 * Throws `ConfigError` if a file cannot be read or has no key, TypeError if no key is set.
 */
export function openTokens(settings: TokenSettings, now: () => number = Date.now, observe?: TokenObserver): Tokens {
  const { jwtSecrets, jwtSigningKey, jwtPublicKeys, jwtJwksUrl, jwtIssuer: issuer, jwtAudience: audience } = settings;
  const problems: string[] = [];
  const read = <T>(name: string, path: string, make: (pem: string) => T): T[] => {
    try {
      return [make(readFileSync(path, 'utf8'))];
    } catch (error) {
      problems.push(
        `${name} takes PEM files of P-256 or Ed25519 keys: ${path}: ${error instanceof Error ? error.message : String(error)}.`,
      );
      return [];
    }
  };
  const [signing] = jwtSigningKey === undefined ? [] : read('JWT_SIGNING_KEY', jwtSigningKey, (pem) => new SigningKey(pem));
  const others = jwtPublicKeys.flatMap((path) => read('JWT_PUBLIC_KEYS', path, (pem) => new PublicKey(pem)));
  if (problems.length > 0) throw new ConfigError(problems);
  const [first, ...more] = jwtSecrets;
  const secret = first === undefined ? undefined : new SharedSecrets(first, ...more);
  const keys = new PublicKeys([...(signing ? [signing.public] : []), ...others]);
  const key = signing ?? secret;
  return {
    verifier: new TokenVerifier({ secret, keys, jwksUrl: jwtJwksUrl, issuer, audience, now: now, observe }),
    signer: key && new TokenSigner({ key, issuer, audience, now: now }),
    jwks: keys.size === 0 ? undefined : keys.jwks,
  };
}

/** Keys for one purpose that are valid at the same time. The first one makes, all verify. */
export type KeyRing = readonly [Uint8Array, ...Uint8Array[]];

/** Derives a key for one purpose from each secret (`deriveKey`). */
export function deriveKeys([first, ...others]: readonly [string, ...string[]], purpose: string): KeyRing {
  return [deriveKey(first, purpose), ...others.map((secret) => deriveKey(secret, purpose))];
}

/**
 * Derives 32 bytes for one purpose from a secret (HKDF with SHA-256, RFC 5869). They reveal neither
 * the secret nor the bytes for another purpose.
 */
export function deriveKey(secret: string, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', `parley ${purpose}`, 32));
}
