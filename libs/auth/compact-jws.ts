/** Reads, writes and checks compact JWS (RFC 7515 section 7.1). */
import { TOKEN_MAX_BYTES } from '#libs/protocol/limits.ts';
import { TokenFaultError } from './credentials.ts';

/** Claims or header parameters as they stand in a token. */
export type Claims = Readonly<Record<string, unknown>>;

const COMPACT = /^[\w-]+\.[\w-]+\.([\w-]+)$/;

/**
 * Checks the form of a token strictly. Most decoders tolerate spaces, padding and extra bits, which
 * would give one token many spellings.
 *
 * Throws RangeError if the token is longer than `TOKEN_MAX_BYTES` (8 KiB), TypeError if the form is
 * wrong.
 */
export function requireForm(token: string): void {
  // `length` counts bytes: a token of other characters than ASCII fails the pattern below.
  if (token.length > TOKEN_MAX_BYTES) throw new RangeError('the token is too long');
  const signature = COMPACT.exec(token)?.[1];
  if (signature === undefined) throw new TypeError('the token is not a compact JWS');
  if (Buffer.from(signature, 'base64url').toString('base64url') !== signature)
    throw new TypeError('the signature is not in canonical base64url');
}

/**
 * Returns the protected header without verifying it. Throws TypeError or SyntaxError if it is not a
 * JSON object.
 */
export function headerOf(token: string): Claims {
  return jsonObject(token.slice(0, token.indexOf('.')));
}

/**
 * Returns the payload without verifying it. Throws TypeError or SyntaxError if it is not a JSON
 * object.
 */
export function payloadOf(token: string): Claims {
  return jsonObject(token.slice(token.indexOf('.') + 1, token.lastIndexOf('.')));
}

/**
 * Returns the signing input of a token (RFC 7515 section 2) and its signature. The token has the
 * form that `requireForm` checks.
 */
export function signedParts(token: string): { readonly input: string; readonly signature: Buffer } {
  const dot = token.lastIndexOf('.');
  return { input: token.slice(0, dot), signature: Buffer.from(token.slice(dot + 1), 'base64url') };
}

/** Returns a token. `sign` returns the signature of the signing input. */
export function compactJws(header: Claims, claims: Claims, sign: (input: string) => Buffer): string {
  const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${input}.${sign(input).toString('base64url')}`;
}

function jsonObject(part: string): Claims {
  const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('a part of the token is not a JSON object');
  return value as Claims;
}

/** The expected values of registered claims (RFC 7519 section 4.1). */
export interface Expected {
  /** If set, `iss` must equal it. */
  readonly issuer: string | undefined;
  /** If set, `aud` must equal or contain it. */
  readonly audience: string | undefined;
  /** Seconds by which clocks may differ. */
  readonly toleranceSeconds: number;
}

/**
 * Checks the claims of a token at `now` (Unix milliseconds, compared in whole seconds). `exp` is
 * required, `nbf` and `iat` are optional. Throws `TokenFaultError`; its `fault` names the claim.
 */
export function requireRegistered(claims: Claims, expected: Expected, now: number): void {
  requireMade(claims, expected.toleranceSeconds, now);
  const { exp, nbf, iss, aud } = claims;
  const seconds = Math.floor(now / 1000);
  if (typeof exp !== 'number' || !(exp > seconds - expected.toleranceSeconds))
    throw new TokenFaultError('exp', 'exp: the token has expired');
  if (nbf !== undefined && (typeof nbf !== 'number' || !(nbf <= seconds + expected.toleranceSeconds)))
    throw new TokenFaultError('nbf', 'nbf: the token is not valid yet');
  if (expected.issuer !== undefined && iss !== expected.issuer) throw new TokenFaultError('iss', 'iss: another issuer');
  const { audience } = expected;
  if (audience !== undefined && aud !== audience && !(Array.isArray(aud) && aud.includes(audience)))
    throw new TokenFaultError('aud', 'aud: another audience');
}

/**
 * Checks that `iat` is not after `now` (Unix milliseconds) by more than the tolerance. Otherwise a
 * token from the future would survive a revocation. Throws `TokenFaultError`; its `fault` is `iat`.
 * A token without `iat` passes.
 */
export function requireMade({ iat }: Claims, toleranceSeconds: number, now: number): void {
  if (typeof iat === 'number' && !(iat <= Math.floor(now / 1000) + toleranceSeconds))
    throw new TokenFaultError('iat', 'iat: issued in the future');
}
