/**
 * Verifies tokens: with the shared secret, with local public keys, or with the keys of another
 * issuer.
 */
import { errors, type JWTVerifyGetKey, type JWTVerifyOptions, type JWTVerifyResult, jwtVerify } from 'jose';
import { HubError } from '#libs/protocol/errors.ts';
import { type Claims, type Expected, headerOf, requireForm, requireMade, requireRegistered } from './compact-jws.ts';
import { type Credentials, credentialsOf, faultOf, TokenFaultError, type TokenObserver } from './credentials.ts';
import { RemoteKeys } from './remote-keys.ts';
import type { PublicKeys, SharedSecrets } from './signing-keys.ts';

/** Keys, expected claims, clocks and limits of a `TokenVerifier`. */
export interface TokenVerifierOptions {
  /** The secrets of HS256 tokens. */
  readonly secret?: Pick<SharedSecrets, 'claims'> | undefined;
  /** The local keys of ES256 and EdDSA tokens. An empty set counts as absent. */
  readonly keys?: PublicKeys | undefined;
  /**
   * `JWT_JWKS_URL`: the address of the keys of RS256, PS256, ES256 and EdDSA tokens. http or https.
   */
  readonly jwksUrl?: string | undefined;
  /** If set, `iss` must equal it. */
  readonly issuer?: string | undefined;
  /** If set, `aud` must equal or contain it. */
  readonly audience?: string | undefined;
  /** Unix milliseconds. */
  readonly now?: () => number;
  /** Milliseconds of a steady clock, for the age of the key set. Default: that of the system. */
  readonly steady?: () => number;
  /** Milliseconds after a fetch during which an unknown key id causes no other. Default 10,000. */
  readonly jwksCooldownMs?: number;
  /** Milliseconds after which the next use of a key also fetches the set again. Default 600,000. */
  readonly jwksMaxAgeMs?: number;
  /** Receives each rejected token and each fetch. */
  readonly observe?: TokenObserver | undefined;
  /** Milliseconds for one fetch. Default 3,000. */
  readonly jwksTimeoutMs?: number;
  /** Milliseconds after a failed fetch during which none starts. Default 1,000. */
  readonly jwksFailureCooldownMs?: number;
}

/**
 * The tolerance of H3. Times are compared in whole seconds. Example: a token with `exp` 100 is
 * valid until just before second 105.
 */
const CLOCK_TOLERANCE_SECONDS = 5;
const PUBLIC_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];

/**
 * Turns a token into credentials, or rejects it (H3; RFC 7519 section 7.2, RFC 8725).
 *
 * Each algorithm has its own source of keys: HS256 has the secret, the others have public keys. So
 * a public key never serves as a secret (RFC 8725 section 2.1). Keys that the token itself names
 * (`jwk`, `jku`, `x5u`, `x5c`) are ignored. A token with a `crit` header is rejected.
 */
export class TokenVerifier {
  readonly #secret: Pick<SharedSecrets, 'claims'> | undefined;
  readonly #keys: PublicKeys | undefined;
  readonly #remote: RemoteKeys | undefined;
  readonly #options: JWTVerifyOptions;
  readonly #expected: Expected;
  readonly #now: () => number;
  readonly #observe: TokenObserver | undefined;

  /**
   * Fetches nothing yet: a node must be able to start while the key set is unreachable. Throws
   * TypeError if there is neither a secret nor a key nor an address, or if the address is not http
   * or https.
   */
  constructor(options: TokenVerifierOptions) {
    const { secret, keys, jwksUrl, issuer, audience, now = Date.now } = options;
    this.#keys = keys !== undefined && keys.size > 0 ? keys : undefined;
    if (secret === undefined && this.#keys === undefined && jwksUrl === undefined)
      throw new TypeError('a token verifier needs a secret, a public key or the address of a key set');
    this.#secret = secret;
    this.#remote = jwksUrl === undefined ? undefined : remoteKeys(jwksUrl, options);
    this.#now = now;
    this.#observe = options.observe;
    this.#expected = { issuer, audience, toleranceSeconds: CLOCK_TOLERANCE_SECONDS };
    this.#options = {
      algorithms: PUBLIC_ALGORITHMS,
      requiredClaims: ['exp'],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    };
  }

  /**
   * Resolves to the credentials of a token that is valid at `now` (Unix milliseconds). Rejects with
   * `HubError`:
   *
   * - `MISSING_TOKEN` for an empty token.
   * - `TOKEN_EXPIRED` for every token that is not valid. Only the cause has the reason, for the
   *   log.
   * - `UNAVAILABLE` if the key set is needed and cannot be fetched, or if it does not have the
   *   key yet. `retryAfter` is in seconds.
   */
  async verify(token: string, now: number = this.#now()): Promise<Credentials> {
    return this.verifyLocal(token, now) ?? this.#verifyRemote(token, now);
  }

  /**
   * Verifies a token without I/O: returns undefined if the key set has to decide. For a handshake,
   * which is answered in its own turn of the event loop.
   *
   * @throws HubError `MISSING_TOKEN` or `TOKEN_EXPIRED`, as `verify`.
   */
  verifyLocal(token: string, now: number = this.#now()): Credentials | undefined {
    if (token === '') throw new HubError('MISSING_TOKEN');
    try {
      requireForm(token);
      const claims = this.#ownClaims(token);
      if (claims === undefined) return undefined;
      requireRegistered(claims, this.#expected, now);
      return credentialsOf(claims);
    } catch (error) {
      throw this.#refusal(error);
    }
  }

  /**
   * Returns the claims of a token that a local key signed; undefined if the key set has to decide.
   * Throws TypeError or SyntaxError for every other token.
   */
  #ownClaims(token: string): Claims | undefined {
    if (this.#secret && !this.#keys && !this.#remote) return this.#secret.claims(token);
    const header = headerOf(token);
    if (this.#secret && header['alg'] === 'HS256') return this.#secret.claims(token);
    const claims = this.#keys?.claims(token, header);
    if (claims === undefined && this.#remote === undefined) throw new TokenFaultError('key', 'there is no key for this token');
    return claims;
  }

  async #verifyRemote(token: string, now: number): Promise<Credentials> {
    try {
      const { payload, protectedHeader } = await this.#checked(token, { ...this.#options, currentDate: new Date(now) });
      requireMade(payload, CLOCK_TOLERANCE_SECONDS, now);
      if (protectedHeader.crit !== undefined) throw new TypeError('a critical header is not understood');
      return credentialsOf(payload);
    } catch (error) {
      throw this.#refusal(error);
    }
  }

  async #checked(token: string, options: JWTVerifyOptions): Promise<JWTVerifyResult> {
    try {
      return await jwtVerify(token, this.#keyFor, options);
    } catch (error) {
      if (error instanceof errors.JWKSMultipleMatchingKeys) return firstThatVerifies(token, error, options);
      throw error;
    }
  }

  #refusal(error: unknown): HubError {
    const refused = error instanceof HubError ? error : new HubError('TOKEN_EXPIRED', undefined, { cause: error });
    if (refused.code === 'TOKEN_EXPIRED') this.#observe?.refused(faultOf(refused.cause));
    return refused;
  }

  #keyFor: JWTVerifyGetKey<CryptoKey> = (header, token) => {
    const key = this.#remote?.key(header, token);
    if (!key) throw new TokenFaultError('key', 'there is no key for this algorithm');
    return key;
  };
}

function remoteKeys(address: string, options: TokenVerifierOptions): RemoteKeys {
  const url = new URL(address);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new TypeError('the address of a key set must be http or https');
  return new RemoteKeys({
    url,
    cooldownMs: options.jwksCooldownMs ?? 10_000,
    maxAgeMs: options.jwksMaxAgeMs ?? 600_000,
    timeoutMs: options.jwksTimeoutMs ?? 3_000,
    failureCooldownMs: options.jwksFailureCooldownMs ?? 1_000,
    steady: options.steady ?? (() => performance.now()),
    fetched: (problem) => options.observe?.keySet(problem),
  });
}

/**
 * Verifies with each key in turn. A token without `kid` may be signed by any of several keys of its
 * algorithm. Rejects with `JWSSignatureVerificationFailed` if none signed it.
 */
async function firstThatVerifies(token: string, keys: AsyncIterable<CryptoKey>, options: JWTVerifyOptions): Promise<JWTVerifyResult> {
  for await (const key of keys) {
    try {
      return await jwtVerify(token, key, options);
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}
