import type { Claims } from './compact-jws.ts';
import { TokenFaultError } from './token-refusal.ts';

/** What the registered claims of a token are held against (RFC 7519 section 4.1). */
export interface Expected {
  /** Where set, `iss` must be exactly this. */
  readonly issuer: string | undefined;
  /** Where set, `aud` must be or hold exactly this. */
  readonly audience: string | undefined;
  /** Seconds that clocks may differ. */
  readonly toleranceSeconds: number;
}

/**
 * Whether a token with these claims is good at `now` (Unix milliseconds, compared in whole seconds). `exp` is required.
 * Throws `TokenFaultError` naming the claim.
 */
export function requireRegistered(claims: Claims, expected: Expected, now: number): void {
  requireMade(claims, expected.toleranceSeconds, now);
  const { exp, nbf, iss, aud } = claims;
  const seconds = Math.floor(now / 1000);
  if (typeof exp !== 'number' || !(exp > seconds - expected.toleranceSeconds)) throw new TokenFaultError('exp', 'exp: the token is over');
  if (nbf !== undefined && (typeof nbf !== 'number' || !(nbf <= seconds + expected.toleranceSeconds)))
    throw new TokenFaultError('nbf', 'nbf: the token is not good yet');
  if (expected.issuer !== undefined && iss !== expected.issuer) throw new TokenFaultError('iss', 'iss: another issuer');
  const { audience } = expected;
  if (audience !== undefined && aud !== audience && !(Array.isArray(aud) && aud.includes(audience)))
    throw new TokenFaultError('aud', 'aud: for somebody else');
}

/**
 * Whether a token was made by `now` (Unix milliseconds), as far as clocks may differ: one of the future would outlive a revocation.
 * Throws `TokenFaultError` naming the claim.
 */
export function requireMade({ iat }: Claims, toleranceSeconds: number, now: number): void {
  if (typeof iat === 'number' && !(iat <= Math.floor(now / 1000) + toleranceSeconds))
    throw new TokenFaultError('iat', 'iat: made in the future');
}
