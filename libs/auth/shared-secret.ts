import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { type Claims, compactJws, headerOf, payloadOf, signedParts } from './compact-jws.ts';
import { TokenFaultError } from './token-refusal.ts';

/**
 * `JWT_SECRET` as signer and verifier of HS256 tokens (RFC 7515 section 5.2, RFC 7518 section 3.2).
 *
 * Synchronous on purpose: WebCrypto sends each MAC to a thread and back, which costs a handshake five times what the MAC does.
 */
export class SharedSecret {
  readonly #key: KeyObject;

  /** How long a secret must be is for the configuration to say. Throws RangeError for an empty one. */
  constructor(secret: string) {
    if (secret === '') throw new RangeError('the JWT secret is empty');
    this.#key = createSecretKey(Buffer.from(secret));
  }

  /**
   * The claims of a compact JWS that this secret signed; times, issuer and audience are for the caller to look at.
   * Throws TypeError or SyntaxError for every other token.
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

  /** A token with these claims. */
  sign(claims: Claims): string {
    return compactJws({ alg: 'HS256', typ: 'JWT' }, claims, (input) => this.#mac(input));
  }

  #mac(input: string): Buffer {
    return createHmac('sha256', this.#key).update(input).digest();
  }
}
