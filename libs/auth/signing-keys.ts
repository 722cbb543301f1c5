/**
 * The local keys for tokens: a shared secret (HS256), and key pairs from PEM: P-256 (ES256) and
 * Ed25519 (EdDSA).
 */
import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import { type Claims, compactJws, headerOf, payloadOf, signedParts } from './compact-jws.ts';
import { TokenFaultError } from './credentials.ts';

/**
 * Signs and verifies HS256 tokens with `JWT_SECRET` (RFC 7515 section 5.2, RFC 7518 section 3.2).
 *
 * Synchronous on purpose: WebCrypto sends each MAC to another thread and back, which costs five
 * times as much as the MAC.
 */
export class SharedSecret {
  readonly #key: KeyObject;

  /** Throws RangeError for an empty secret. The configuration checks its length. */
  constructor(secret: string) {
    if (secret === '') throw new RangeError('the JWT secret is empty');
    this.#key = createSecretKey(Buffer.from(secret));
  }

  /**
   * Returns the claims of a compact JWS that this secret signed. The caller checks form, times,
   * issuer and audience. Throws TypeError (mostly `TokenFaultError`) or SyntaxError for every other
   * token.
   */
  claims(token: string): Claims {
    const { input, signature } = signedParts(token);
    const mac = this.#mac(input);
    if (signature.length !== mac.length || !timingSafeEqual(signature, mac))
      throw new TokenFaultError('signature', 'the signature is not this secret’s');
    const header = headerOf(token);
    if (header['alg'] !== 'HS256') throw new TokenFaultError('key', 'the secret is for HS256 only');
    if (header['crit'] !== undefined) throw new TypeError('a critical header is not understood');
    return payloadOf(token);
  }

  /** Returns a token with these claims. */
  sign(claims: Claims): string {
    return compactJws({ alg: 'HS256', typ: 'JWT' }, claims, (input) => this.#mac(input));
  }

  #mac(input: string): Buffer {
    return createHmac('sha256', this.#key).update(input).digest();
  }
}

/**
 * Secrets that are valid at the same time, for example while one replaces another. The first one
 * signs, all verify.
 */
export class SharedSecrets {
  readonly #first: SharedSecret;
  readonly #others: readonly SharedSecret[];

  /** Throws RangeError for an empty secret. */
  constructor(first: string, ...others: readonly string[]) {
    this.#first = new SharedSecret(first);
    this.#others = others.map((secret) => new SharedSecret(secret));
  }

  /**
   * Returns the claims of a token that one of the secrets signed. Throws like `SharedSecret` for
   * every other token. A token of the first secret costs one MAC.
   */
  claims(token: string): Claims {
    try {
      return this.#first.claims(token);
    } catch (error) {
      for (const secret of isForeign(error) ? this.#others : []) {
        try {
          return secret.claims(token);
        } catch (other) {
          if (!isForeign(other)) throw other;
        }
      }
      throw error;
    }
  }

  /** Returns a token with these claims, of the first secret. */
  sign(claims: Claims): string {
    return this.#first.sign(claims);
  }
}

/** Whether a token was refused because another key signed it. */
function isForeign(error: unknown): boolean {
  return error instanceof TokenFaultError && error.fault === 'signature';
}

/** The algorithms of key pairs (RFC 7518 section 3.4, RFC 8037 section 3.1). */
export type KeyAlgorithm = 'ES256' | 'EdDSA';

/** A public key in the form of a JWK Set (RFC 7517 section 4). */
export interface PublicJwk {
  readonly kty: string;
  readonly crv: string;
  readonly x: string;
  readonly y?: string;
  readonly kid: string;
  readonly alg: KeyAlgorithm;
  readonly use: 'sig';
}

/** One public key. Verifies tokens of its own algorithm only. Synchronous, like `SharedSecret`. */
export class PublicKey {
  /** The thumbprint of the key (RFC 7638). Every reader of the key computes the same one. */
  readonly kid: string;
  readonly alg: KeyAlgorithm;
  readonly jwk: PublicJwk;
  readonly #key: KeyObject;

  /**
   * Takes the PEM of a public key (SPKI), or of a private key, of which it uses the public half.
   * Throws TypeError for a key of another kind, Error for text that is not a key.
   */
  constructor(pem: string | KeyObject) {
    this.#key = createPublicKey(pem);
    this.alg = algorithmOf(this.#key);
    const { kty = '', crv = '', x = '', y } = this.#key.export({ format: 'jwk' });
    // The members that RFC 7638 section 3.2 requires, in its order. `y` only if the curve has one
    // (RFC 8037 section 2).
    const members = y === undefined ? { crv, kty, x } : { crv, kty, x, y };
    this.kid = createHash('sha256').update(JSON.stringify(members)).digest('base64url');
    this.jwk = { ...members, kid: this.kid, alg: this.alg, use: 'sig' };
  }

  /**
   * Returns the claims of a compact JWS that this key signed. Throws TypeError (mostly
   * `TokenFaultError`) or SyntaxError for every other token.
   */
  claims(token: string): Claims {
    const { input, signature } = signedParts(token);
    if (!verify(DIGEST[this.alg], Buffer.from(input), { key: this.#key, dsaEncoding: 'ieee-p1363' }, signature))
      throw new TokenFaultError('signature', 'the signature is not this key’s');
    const header = headerOf(token);
    if (header['alg'] !== this.alg) throw new TokenFaultError('key', `the key is for ${this.alg} only`);
    if (header['crit'] !== undefined) throw new TypeError('a critical header is not understood');
    return payloadOf(token);
  }
}

/** A private key. Signs tokens and puts the id of its public key into `kid`. */
export class SigningKey {
  readonly public: PublicKey;
  readonly #key: KeyObject;

  /**
   * Takes PEM (PKCS 8 or SEC 1, without a passphrase). Throws TypeError for a key of another kind,
   * Error for text that is not a key.
   */
  constructor(pem: string) {
    this.#key = createPrivateKey(pem);
    this.public = new PublicKey(this.#key);
  }

  /** Returns a token with these claims. */
  sign(claims: Claims): string {
    const { alg, kid } = this.public;
    return compactJws({ alg, typ: 'JWT', kid }, claims, (input) =>
      sign(DIGEST[alg], Buffer.from(input), { key: this.#key, dsaEncoding: 'ieee-p1363' }),
    );
  }
}

/** The digest of each algorithm. Ed25519 does its own hashing. */
const DIGEST = { ES256: 'sha256', EdDSA: null } as const satisfies Record<KeyAlgorithm, string | null>;

function algorithmOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): KeyAlgorithm {
  if (type === 'ed25519') return 'EdDSA';
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return 'ES256';
  throw new TypeError('the key is neither P-256 nor Ed25519');
}

/** Public keys that are valid at the same time, for example while one replaces another. */
export class PublicKeys {
  readonly #keys: readonly PublicKey[];

  /** A key that occurs twice counts once. */
  constructor(keys: readonly PublicKey[]) {
    this.#keys = [...new Map(keys.map((key) => [key.kid, key])).values()];
  }

  /** The number of different keys. */
  get size(): number {
    return this.#keys.length;
  }

  /** The JWK Set of the keys (RFC 7517 section 5). */
  get jwks(): { readonly keys: readonly PublicJwk[] } {
    return { keys: this.#keys.map(({ jwk }) => jwk) };
  }

  /**
   * Returns the claims of a token that one of the keys signed. Returns undefined if its `kid` names
   * none of them, or if it has no `kid` and no key of its algorithm signed it. Throws TypeError or
   * SyntaxError if the named key did not sign it.
   */
  claims(token: string, { alg, kid }: Claims): Claims | undefined {
    const fitting = this.#keys.filter((key) => key.alg === alg);
    if (kid !== undefined) return fitting.find((key) => key.kid === kid)?.claims(token);
    for (const key of fitting) {
      try {
        return key.claims(token);
      } catch {
        // The next key may have signed it.
      }
    }
    return undefined;
  }
}
