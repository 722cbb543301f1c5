/** Why a token was refused, for whoever set the hub up: a word of a fixed list, never a value. */
import { errors } from 'jose';

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
