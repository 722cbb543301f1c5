import { createHmac } from 'node:crypto';

/** The secret of every gateway of a test, by default. */
export const JWT_SECRET = 'a-secret-of-tests-only-that-is-long-enough-0123456789';

/** The claims of a token. */
export interface TokenClaims {
  readonly sub: string;
  /** Default: the same as `sub`. */
  readonly name?: string;
  /** Unix seconds. Default: an hour from now. */
  readonly exp?: number;
  readonly nbf?: number;
  readonly iss?: string;
  readonly aud?: string | readonly string[];
  readonly kind?: string;
  /**
   * Names or `prefix*` of the open rooms that the user may enter. Default: all. Null: a token
   * without the claim.
   */
  readonly rooms?: readonly string[] | null;
  /** The number of the login, for single-session mode. */
  readonly login?: string;
  readonly [claim: string]: unknown;
}

/** Makes a signed HS256 token. */
export function signToken(claims: TokenClaims, secret: string = JWT_SECRET): string {
  const body = { name: claims.sub, exp: Math.floor(Date.now() / 1000) + 3600, rooms: ['*'], ...claims };
  const present = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(present)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
