/** Makes the signer and the verifier of tokens from the keys in the settings. */
import { hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Config, ConfigError } from '#libs/config/config.ts';
import type { Claims } from './compact-jws.ts';
import type { Credentials, TokenObserver } from './credentials.ts';
import { type PublicJwk, PublicKey, PublicKeys, SharedSecret, SigningKey } from './signing-keys.ts';
import { TokenVerifier } from './token-verifier.ts';

export interface TokenSignerOptions {
  /** The signing key: the shared secret, or a private key. */
  readonly key: { sign(claims: Claims): string };
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

/** Signs the hub's own tokens. `TokenVerifier` of the same settings accepts them. */
export class TokenSigner {
  readonly #options: TokenSignerOptions;
  readonly #now: () => number;

  constructor(options: TokenSignerOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /**
   * A compact JWT with `iat` of `issuedAt`, by default now. The credentials are trusted: if they
   * break the rules for claims, the token is refused only when it comes back.
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
      // To the millisecond (RFC 7519 section 2 allows fractions): so a login right after a revocation of all earlier ones is newer.
      iat: Math.floor(issuedAt * 1000) / 1000,
      exp: expiresAt,
    });
  }
}

export type TokenSettings = Pick<Config, 'jwtSecret' | 'jwtSigningKey' | 'jwtPublicKeys' | 'jwtJwksUrl' | 'jwtIssuer' | 'jwtAudience'>;

export interface Tokens {
  readonly verifier: TokenVerifier;
  /** Undefined if there is neither `JWT_SIGNING_KEY` nor `JWT_SECRET`. */
  readonly signer: TokenSigner | undefined;
  /** The body of `/.well-known/jwks.json`; undefined without asymmetric keys. */
  readonly jwks: { readonly keys: readonly PublicJwk[] } | undefined;
}

/**
 * `JWT_SIGNING_KEY` signs if it is set, otherwise `JWT_SECRET`. The verifier accepts tokens of
 * both, of `JWT_PUBLIC_KEYS`, and of the issuer at `JWT_JWKS_URL`.
 *
 * To change a key without failures: put the new public key into `JWT_PUBLIC_KEYS` on all nodes;
 * sign with the new private key and put the old public key there; remove the old one after its last
 * token has expired (a day).
 *
 * Throws `ConfigError` if a file cannot be read or has no key, TypeError if no key is set.
 */
export function openTokens(settings: TokenSettings, now: () => number = Date.now, observe?: TokenObserver): Tokens {
  const { jwtSecret, jwtSigningKey, jwtPublicKeys, jwtJwksUrl, jwtIssuer: issuer, jwtAudience: audience } = settings;
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
  const secret = jwtSecret === undefined ? undefined : new SharedSecret(jwtSecret);
  const keys = new PublicKeys([...(signing ? [signing.public] : []), ...others]);
  const key = signing ?? secret;
  return {
    verifier: new TokenVerifier({ secret, keys, jwksUrl: jwtJwksUrl, issuer, audience, now: now, observe }),
    signer: key && new TokenSigner({ key, issuer, audience, now: now }),
    jwks: keys.size === 0 ? undefined : keys.jwks,
  };
}

/**
 * Derives 32 bytes for one purpose from a secret (HKDF with SHA-256, RFC 5869). They reveal neither
 * the secret nor the bytes for another purpose.
 */
export function deriveKey(secret: string, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', `parley ${purpose}`, 32));
}
