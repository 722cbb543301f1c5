/**
 * The credentials in a verified token, the rules for its claims, and the reasons for which a token
 * is refused.
 */

import { errors } from 'jose';
import { HubError } from '#libs/protocol/errors.ts';
import { cleanName } from '#libs/protocol/name-text.ts';
import { isRoomName } from '#libs/protocol/room-name.ts';

/**
 * The part of a token that has a fault: a claim, the key, the signature or the form. A fixed list:
 * never a value of the token.
 */
export const TOKEN_FAULTS = [
  'exp',
  'nbf',
  'iat',
  'iss',
  'aud',
  'sub',
  'name',
  'kind',
  'rooms',
  'login',
  'key',
  'signature',
  'form',
] as const;
export type TokenFault = (typeof TOKEN_FAULTS)[number];

/** A token has a fault. The message explains it without any value of the token. */
export class TokenFaultError extends TypeError {
  override readonly name = 'TokenFaultError';
  readonly fault: TokenFault;

  constructor(fault: TokenFault, message: string) {
    super(message);
    this.fault = fault;
  }
}

/** The fault behind an error of a verification. */
export function faultOf(error: unknown): TokenFault {
  if (error instanceof TokenFaultError) return error.fault;
  if (error instanceof errors.JWTExpired) return 'exp';
  if (error instanceof errors.JWTClaimValidationFailed) return TOKEN_FAULTS.find((fault) => fault === error.claim) ?? 'form';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature';
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JOSEAlgNotAllowed) return 'key';
  return 'form';
}

/** Gets reports for the operator of the hub. Called synchronously. */
export interface TokenObserver {
  /** A token was refused. */
  refused(fault: TokenFault): void;
  /** The key set was fetched. If that failed, `problem` is the reason, without the address. */
  keySet(problem: string | undefined): void;
}

export interface Credentials {
  /** 1-128 printable characters without spaces. */
  readonly userId: string;
  /**
   * Shown to others: at most 64 characters, without invisible ones. If nothing is left of the
   * token's name, the id.
   */
  readonly name: string;
  /** `guest`, `agent`, `customer` or another word of the issuer. `user` if the token has none. */
  readonly kind: string;
  /** Unix seconds. */
  readonly expiresAt: number;
  /** Unix seconds, maybe with a fraction. Absent if the token has no `iat`. */
  readonly issuedAt?: number | undefined;
  /**
   * Open rooms that this user may enter (R2): names, or `prefix*`. Absent if the token names none.
   */
  readonly rooms?: readonly string[] | undefined;
  /** The login this token belongs to, for single-session mode (R4). */
  readonly login?: string | undefined;
}

/** Who holds a token that was verified. */
export interface Bearer extends Credentials {
  /** SHA-256 of the token, base64url: a revocation names a token by it. */
  readonly tokenHash: string;
}

/**
 * Letters, marks, digits, punctuation and symbols of any script. Invisible characters, spaces and
 * lone surrogates do not match.
 */
const USER_ID = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]{1,128}$/u;
/** Characters of a name, as Unicode code points. */
export const TOKEN_NAME_MAX = 64;
const KIND = /^[a-z][a-z0-9_-]{0,31}$/;
const LOGIN = /^[\x21-\x7e]{1,128}$/;
/** The end of the year 9999: keeps arithmetic with far-away expiry times exact. */
const LATEST_EXPIRY = 253_402_300_799;

function refuse(claim: TokenFault): never {
  throw new HubError('TOKEN_EXPIRED', undefined, { cause: new TokenFaultError(claim, `claim ${claim} is not acceptable`) });
}

function matching(claims: Readonly<Record<string, unknown>>, claim: TokenFault, pattern: RegExp): string {
  const value = claims[claim];
  return typeof value === 'string' && pattern.test(value) ? value : refuse(claim);
}

/** A room name, or a prefix and a star. A star alone means every open room. */
function isRoomPattern(entry: string): boolean {
  return entry === '*' || isRoomName(entry.endsWith('*') ? entry.slice(0, -1) : entry);
}

function roomsOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return refuse('rooms');
  return value.map((entry: unknown) => (typeof entry === 'string' && isRoomPattern(entry) ? entry : refuse('rooms')));
}

/**
 * The credentials in a claims set. The caller has verified its signature and times.
 *
 * A name is cleaned, never refused: the names of other issuers may contain characters that ours may
 * not (A12). Optional claims may be null. Any other claim of the wrong form refuses the whole
 * token: without the claim the token would mean something else. Throws `HubError` `TOKEN_EXPIRED`.
 * Only the cause names the claim, for the log.
 */
export function credentialsOf(claims: Readonly<Record<string, unknown>>): Credentials {
  const expiry = claims['exp'];
  if (typeof expiry !== 'number' || !Number.isFinite(expiry)) return refuse('exp');
  const issued = claims['iat'];
  if (issued != null && !(typeof issued === 'number' && Number.isFinite(issued))) return refuse('iat');
  const userId = matching(claims, 'sub', USER_ID);
  const name = claims['name'];
  return {
    userId,
    name: typeof name === 'string' ? cleanName(name, TOKEN_NAME_MAX, userId) : refuse('name'),
    kind: claims['kind'] == null ? 'user' : matching(claims, 'kind', KIND),
    expiresAt: Math.min(Math.floor(expiry), LATEST_EXPIRY),
    ...(issued == null ? {} : { issuedAt: issued }),
    ...(claims['rooms'] == null ? {} : { rooms: roomsOf(claims['rooms']) }),
    ...(claims['login'] == null ? {} : { login: matching(claims, 'login', LOGIN) }),
  };
}
