import type { ErrorCode } from '#libs/protocol/errors.ts';
import type { ErrorFrame } from '#libs/protocol/frame-types.ts';

/**
 * Codes that the client gives itself; all others are the hub's (the contract's table of errors).
 *
 * - `QUEUE_FULL`: as many messages wait for their `ack` as `queueMax` allows.
 * - `EXPIRED`: a message was sent more than 4.5 minutes ago and never acked. Whether it was taken is not known, and sending it again could make it twice.
 * - `DISCARDED`: `discard` took the message back. It may have arrived where it was on its way.
 * - `CLOSED`: `close()` was called, or the hub ended the connection for good.
 * - `TIMEOUT`: no answer within `requestTimeoutMs`; the time without a connection counts.
 * - `LEFT`: the room was left before the join was answered.
 * - `NO_TOKEN`: `getToken` threw.
 * - `USER_CHANGED`: it was asked for as one user, and `getToken` then gave the token of another one. A message may have been taken where it was on its way.
 */
export type ClientErrorCode =
  | ErrorCode
  | 'QUEUE_FULL'
  | 'EXPIRED'
  | 'DISCARDED'
  | 'CLOSED'
  | 'TIMEOUT'
  | 'LEFT'
  | 'NO_TOKEN'
  | 'USER_CHANGED';

/** What the client's promises reject with. Told apart by `code`, never by its text. */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: ClientErrorCode;
  /** The same may succeed later. */
  readonly retryable: boolean;

  constructor(code: ClientErrorCode, message: string, retryable = false) {
    super(message);
    this.code = code;
    this.retryable = retryable;
  }

  static from(frame: ErrorFrame): ClientError {
    return new ClientError(frame.code as ClientErrorCode, frame.message, frame.retryable);
  }
}

/** The words of whatever was thrown. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
