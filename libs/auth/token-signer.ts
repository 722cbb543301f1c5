import type { Claims } from './compact-jws.ts';
import type { Credentials } from './credentials.ts';

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
