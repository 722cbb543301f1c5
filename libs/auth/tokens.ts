/** The keys of the settings, as what signs tokens and what takes them. */
import { hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Config, ConfigError } from '#libs/config/config.ts';
import type { Claims } from './compact-jws.ts';
import type { Credentials, TokenObserver } from './credentials.ts';
import { type PublicJwk, PublicKey, PublicKeys, SharedSecret, SigningKey } from './signing-keys.ts';
import { TokenVerifier } from './token-verifier.ts';

export interface TokenSignerOptions {
  /** What signs: the shared secret, or a private key. */
  readonly key: { sign(claims: Claims): string };
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

/** Signs the hub's own tokens, in the form that `TokenVerifier` of the same settings takes. */
export class TokenSigner {
  readonly #options: TokenSignerOptions;
  readonly #now: () => number;

  constructor(options: TokenSignerOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** A compact JWT, made at `issuedAt`, by default now. The credentials are trusted: what does not follow the rules for claims is refused only when the token comes back. */
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
      // To the millisecond (RFC 7519 section 2 allows fractions): a login right after all earlier ones were revoked is told apart from them.
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
  /** What is to be served at `/.well-known/jwks.json`; undefined without asymmetric keys. */
  readonly jwks: { readonly keys: readonly PublicJwk[] } | undefined;
}

/**
 * `JWT_SIGNING_KEY` signs where it is set, otherwise `JWT_SECRET`. Taken are tokens of both, of `JWT_PUBLIC_KEYS`, and of the issuer at `JWT_JWKS_URL`.
 *
 * A key is changed without anybody noticing in three steps: put the new public key into `JWT_PUBLIC_KEYS` everywhere; sign with the new private one and
 * put the old public one there; take the old one out once its last token is over (a day).
 *
 * Throws `ConfigError` for files that cannot be read or hold something else, TypeError where no key is set at all.
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

/** 32 bytes for one purpose, derived from a secret (HKDF with SHA-256, RFC 5869): knowing them tells nothing of the secret or of another purpose's. */
export function deriveKey(secret: string, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', `parley ${purpose}`, 32));
}
