/**
 * The credentials in a verified token, the rules for its claims, and the reasons to reject a token.
 */

import { errors } from 'jose';
import { HubError } from '#libs/protocol/errors.ts';
import { cleanName } from '#libs/protocol/name-text.ts';
import { isRoomName } from '#libs/protocol/room-name.ts';

/**
 * The faulty part of a token: a claim, the key, the signature or the form. The list is fixed, so it
 * is safe as a metric label. It never contains a value of the token.
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
/** An entry of `TOKEN_FAULTS`. */
export type TokenFault = (typeof TOKEN_FAULTS)[number];

/** Thrown for a faulty token. The message explains the fault without any value of the token. */
export class TokenFaultError extends TypeError {
  override readonly name = 'TokenFaultError';
  readonly fault: TokenFault;

  constructor(fault: TokenFault, message: string) {
    super(message);
    this.fault = fault;
  }
}

/**
 * Maps an error of a verification (ours or one of jose) to its fault; `form` for any other error.
 */
export function faultOf(error: unknown): TokenFault {
  if (error instanceof TokenFaultError) return error.fault;
  if (error instanceof errors.JWTExpired) return 'exp';
  if (error instanceof errors.JWTClaimValidationFailed) return TOKEN_FAULTS.find((fault) => fault === error.claim) ?? 'form';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature';
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JOSEAlgNotAllowed) return 'key';
  return 'form';
}

/**
 * Receives reports for the operator of the hub. The methods are called synchronously and must not
 * throw.
 */
export interface TokenObserver {
  /** Called for each rejected token. */
  refused(fault: TokenFault): void;
  /**
   * Called after each fetch of the key set. If the fetch failed, `problem` is the reason, without
   * the path and query of the address.
   */
  keySet(problem: string | undefined): void;
}

/** The user of a verified token, as its claims name them (H3). */
export interface Credentials {
  /** 1-128 printable characters without spaces. */
  readonly userId: string;
  /**
   * The name shown to others: at most 64 code points, none of them invisible. The user id if
   * nothing of the token's name is left after cleaning.
   */
  readonly name: string;
  /**
   * `guest`, `agent`, `customer` or another word of the issuer; `user` if the token has none. At
   * most 32 characters.
   */
  readonly kind: string;
  /** Unix seconds, a whole number. At most the end of the year 9999. */
  readonly expiresAt: number;
  /** Unix seconds, possibly with a fraction. Absent if the token has no `iat`. */
  readonly issuedAt?: number | undefined;
  /**
   * Open rooms that this user may enter (R2): room names, or `prefix*`. Absent if the token has no
   * such claim.
   */
  readonly rooms?: readonly string[] | undefined;
  /** The id of the login of this token, for single-session mode (R4). */
  readonly login?: string | undefined;
}

/** Credentials together with the hash of their token. */
export interface Bearer extends Credentials {
  /** SHA-256 of the token in base64url. A revocation of one token names it by this hash. */
  readonly tokenHash: string;
}

/**
 * Letters, marks, digits, punctuation and symbols of any script. Invisible characters, spaces and
 * lone surrogates do not match.
 */
const USER_ID = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]{1,128}$/u;
/** Longest name in credentials, Unicode code points. */
export const TOKEN_NAME_MAX = 64;
const KIND = /^[a-z][a-z0-9_-]{0,31}$/;
const LOGIN = /^[\x21-\x7e]{1,128}$/;
/** The end of the year 9999, Unix seconds. Keeps arithmetic with distant expiry times exact. */
const LATEST_EXPIRY = 253_402_300_799;

function refuse(claim: TokenFault): never {
  throw new HubError('TOKEN_EXPIRED', undefined, { cause: new TokenFaultError(claim, `claim ${claim} is not valid`) });
}

function matching(claims: Readonly<Record<string, unknown>>, claim: TokenFault, pattern: RegExp): string {
  const value = claims[claim];
  return typeof value === 'string' && pattern.test(value) ? value : refuse(claim);
}

/**
 * Returns true for a room name and for a prefix with a star. A star alone means every open room.
 */
function isRoomPattern(entry: string): boolean {
  return entry === '*' || isRoomName(entry.endsWith('*') ? entry.slice(0, -1) : entry);
}

function roomsOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return refuse('rooms');
  return value.map((entry: unknown) => (typeof entry === 'string' && isRoomPattern(entry) ? entry : refuse('rooms')));
}

/**
 * Returns the credentials in a claims set. The caller has verified the signature and the times.
 *
 * A name is cleaned, never rejected: the names of other issuers may contain characters that names
 * of the hub may not (A12). An optional claim may be null. Any other claim of the wrong form
 * rejects the whole token, because without the claim the token would mean something else.
 *
 * Throws `HubError` `TOKEN_EXPIRED`. Only its cause names the claim, for the log.
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
