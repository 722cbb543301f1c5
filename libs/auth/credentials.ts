/** What a verified token says about its bearer, and the rules its claims must follow. */

import { errors } from 'jose';
import { HubError } from '#libs/protocol/errors.ts';
import { cleanName } from '#libs/protocol/name-text.ts';
import { isRoomName } from '#libs/protocol/room-name.ts';

/** What a token can fail by: a claim, its key, its signature, its form. */
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

/** A token has a fault. The message says more, and holds no value of it. */
export class TokenFaultError extends TypeError {
  override readonly name = 'TokenFaultError';
  readonly fault: TokenFault;

  constructor(fault: TokenFault, message: string) {
    super(message);
    this.fault = fault;
  }
}

/** The fault that an error of a verification is about. */
export function faultOf(error: unknown): TokenFault {
  if (error instanceof TokenFaultError) return error.fault;
  if (error instanceof errors.JWTExpired) return 'exp';
  if (error instanceof errors.JWTClaimValidationFailed) return TOKEN_FAULTS.find((fault) => fault === error.claim) ?? 'form';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature';
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JOSEAlgNotAllowed) return 'key';
  return 'form';
}

/** Told what whoever sets the hub up has to know; called synchronously. */
export interface TokenObserver {
  /** A token was refused. */
  refused(fault: TokenFault): void;
  /** The key set was fetched, or could not be: `problem` says why, without its address. */
  keySet(problem: string | undefined): void;
}

export interface Credentials {
  /** 1-128 printable characters without spaces. */
  readonly userId: string;
  /** Shown to others: at most 64 characters, without what cannot be seen; the id where the token's name has nothing else. */
  readonly name: string;
  /** `user` if the token does not say; `guest`, `agent`, `customer` and whatever else an issuer uses. */
  readonly kind: string;
  /** Unix seconds. */
  readonly expiresAt: number;
  /** Unix seconds, maybe with a fraction. Absent: the token does not say when it was made. */
  readonly issuedAt?: number | undefined;
  /** Open rooms this user may enter (R2): names, or `prefix*`. Absent: the token names none. */
  readonly rooms?: readonly string[] | undefined;
  /** The login this token belongs to, for single-session mode (R4). */
  readonly login?: string | undefined;
}

/** Who holds a token that was verified. */
export interface Bearer extends Credentials {
  /** SHA-256 of the token, base64url: a revocation names a token by it. */
  readonly tokenHash: string;
}

/** Letters, marks, digits, punctuation and symbols of any script: nothing invisible, no space, no lone surrogate. */
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

/** A room name, or the beginning of one and a star; the star alone stands for every open room. */
function isRoomPattern(entry: string): boolean {
  return entry === '*' || isRoomName(entry.endsWith('*') ? entry.slice(0, -1) : entry);
}

function roomsOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return refuse('rooms');
  return value.map((entry: unknown) => (typeof entry === 'string' && isRoomPattern(entry) ? entry : refuse('rooms')));
}

/**
 * The credentials in a claims set whose signature and times were checked before.
 *
 * A name is cleaned, never refused: another login's may have in it what ours may not (A12). Optional claims may be null. Any other claim of the wrong form refuses the whole token rather than being left out: whoever signed it meant something by it.
 * Throws `HubError` `TOKEN_EXPIRED`; the claim is named in the cause only, for the log.
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
