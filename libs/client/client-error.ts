import type { ErrorCode } from '#libs/protocol/errors.ts';
import type { ErrorFrame } from '#libs/protocol/frame-types.ts';

/**
 * Codes of the client itself, beside those of the hub (SPEC.md, Errors).
 *
 * - `QUEUE_FULL`: `queueMax` messages wait for their `ack` already.
 * - `EXPIRED`: a message was sent more than 4.5 minutes ago and got no `ack`. The hub may have
 *   stored it. Sending it again could store it twice.
 * - `DISCARDED`: `discard` took the message back. If it was on its way, it may have arrived.
 * - `CLOSED`: `close()` was called, or the hub ended the connection for good.
 * - `TIMEOUT`: no answer within `requestTimeoutMs`. Time without a connection counts.
 * - `LEFT`: the room was left before the join was answered.
 * - `NO_TOKEN`: `getToken` threw.
 * - `USER_CHANGED`: `getToken` then returned the token of another user. If a message was on its
 *   way, it may have arrived.
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

/**
 * The error that promises of the client reject with. Compare `code`, never the text.
 *
 * @example
 * try {
 *   await client.send('park', text, { id });
 * } catch (error) {
 *   if (error instanceof ClientError && error.code === 'MESSAGE_TOO_LONG') shorten(text);
 *   else throw error;
 * }
 */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: ClientErrorCode;
  /** The same call may succeed later. */
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

/** The message of a thrown value. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
