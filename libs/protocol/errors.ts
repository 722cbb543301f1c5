/** Most bytes of the reason in a close frame (RFC 6455 section 5.5). */
const REASON_MAX_BYTES = 123;

const encoder = new TextEncoder();

/**
 * The reason of a close frame: the error code, then `addition`. It is cut at a character to 123
 * bytes of UTF-8. With a longer reason, or half a character at its end, the client would see close
 * code 1006.
 */
export function closeReason(code: ErrorCode, addition?: string | number): string {
  if (addition === undefined) return code;
  const text = `${code} ${addition}`;
  return text.slice(0, encoder.encodeInto(text, new Uint8Array(REASON_MAX_BYTES)).read).toWellFormed();
}

/**
 * What a close reason says about a ban, after the code (C): its end in Unix milliseconds, then the
 * reason, if there is one.
 *
 * @example `BANNED 1700000900000 Be kind.`
 */
export function banText({ until, reason }: Ban): string {
  return reason === '' ? String(until) : `${until} ${reason}`;
}

/** The members of an error's body that tell of a ban: `until`, and `reason` unless it is empty. */
export function banMembers(ban: Ban | undefined): { readonly until?: number; readonly reason?: string } {
  if (ban === undefined) return {};
  return ban.reason === '' ? { until: ban.until } : ban;
}

/**
 * The one table of errors. SPEC.md's table is made from it: after a change run `npm run generate`.
 */

/** An error code: where it may stand, and what it means for the connection. */
export interface ErrorEntry {
  /** HTTP status of a refused handshake or of an API answer; 0 if HTTP never has this code. */
  readonly status: number;
  /**
   * WebSocket close code (RFC 6455 section 7.4) whose reason is this code; 0 if it never closes a
   * connection.
   */
  readonly close: number;
  /** May stand in an `error` frame while the connection lives. */
  readonly reply: boolean;
  /** The same request may succeed later. */
  readonly retryable: boolean;
  /** One sentence that a person can act on. It is used if nothing more precise is known. */
  readonly message: string;
}

export const ERRORS = {
  MISSING_TOKEN: {
    status: 401,
    close: 4500,
    reply: false,
    retryable: false,
    message: 'A token is needed: Authorization header, bearer.<token> subprotocol, path or ?token=.',
  },
  TOKEN_EXPIRED: {
    status: 401,
    close: 4001,
    reply: true,
    retryable: false,
    message: 'The token is expired or not valid: get a fresh one.',
  },
  INVALID_REQUEST: { status: 400, close: 4503, reply: true, retryable: false, message: 'The request is not valid.' },
  ORIGIN_DENIED: { status: 403, close: 4503, reply: false, retryable: false, message: 'This origin may not connect.' },
  FORBIDDEN: { status: 403, close: 4503, reply: true, retryable: false, message: 'This is not open to you.' },
  RATE_LIMITED: { status: 429, close: 4029, reply: true, retryable: true, message: 'Too many requests: slow down.' },
  DRAINING: { status: 503, close: 1012, reply: false, retryable: true, message: 'This node is shutting down: connect again.' },
  UNAVAILABLE: { status: 503, close: 1013, reply: true, retryable: true, message: 'A backend is away: try again.' },
  OVERLOADED: { status: 503, close: 1013, reply: false, retryable: true, message: 'This node is at its limit: connect again later.' },
  TOO_LARGE: { status: 413, close: 1009, reply: false, retryable: false, message: 'The frame or body is too large.' },
  STATE_LOST: { status: 0, close: 4009, reply: false, retryable: true, message: 'This node was cut off from the others: connect again.' },
  SESSION_REPLACED: { status: 0, close: 4509, reply: false, retryable: false, message: 'Another login of this account took over.' },
  LOGGED_OUT: { status: 0, close: 4510, reply: false, retryable: false, message: 'This login was ended.' },
  DISCONNECTED: { status: 0, close: 4510, reply: false, retryable: false, message: 'Disconnected by a service.' },
  BANNED: { status: 403, close: 4510, reply: true, retryable: false, message: 'You are banned: wait for the end of the ban.' },
  MESSAGE_TOO_LONG: { status: 400, close: 0, reply: true, retryable: false, message: 'The message is too long.' },
  NOT_JOINED: { status: 409, close: 0, reply: true, retryable: false, message: 'Join the room first.' },
  ROOM_NOT_FOUND: { status: 404, close: 0, reply: true, retryable: false, message: 'There is no such room.' },
  ROOM_CLOSED: { status: 410, close: 0, reply: true, retryable: false, message: 'The room is closed.' },
  ROOM_LIMIT: { status: 409, close: 0, reply: true, retryable: false, message: 'Too many rooms: leave one first.' },
  USER_NOT_FOUND: { status: 404, close: 0, reply: true, retryable: false, message: 'There is no such user.' },
  BUSY: { status: 503, close: 0, reply: true, retryable: true, message: 'The hub is at its limit: try again shortly.' },
  NOT_STORED: { status: 503, close: 0, reply: true, retryable: true, message: 'The message was not stored: try again with the same id.' },
  NAME_INVALID: {
    status: 400,
    close: 0,
    reply: false,
    retryable: false,
    message: 'A name has 1-21 characters that can be seen, of one script, none of them @.',
  },
  NAME_TAKEN: { status: 409, close: 0, reply: false, retryable: false, message: 'Somebody has this name already: choose another one.' },
  KEY_REUSED: {
    status: 409,
    close: 0,
    reply: false,
    retryable: false,
    message: 'This Idempotency-Key was used for another request: take a new one.',
  },
  KEY_IN_USE: {
    status: 409,
    close: 0,
    reply: false,
    retryable: true,
    message: 'A request with this Idempotency-Key is under way: try again shortly.',
  },
  CODE_INVALID: { status: 401, close: 0, reply: false, retryable: false, message: 'The code is wrong or over: ask for a new one.' },
  CODE_SPENT: {
    status: 401,
    close: 0,
    reply: false,
    retryable: false,
    message: 'Too many wrong tries with this code: ask for a new one.',
  },
  LOGIN_FAILED: { status: 401, close: 0, reply: false, retryable: false, message: 'Name or password is wrong.' },
  NOT_FOUND: { status: 404, close: 0, reply: false, retryable: false, message: 'There is nothing at this address.' },
  METHOD_NOT_ALLOWED: { status: 405, close: 0, reply: false, retryable: false, message: 'This address does not take this method.' },
  INTERNAL: { status: 500, close: 0, reply: false, retryable: true, message: 'The request failed.' },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** A ban, as the banned person sees it (A17). */
export interface Ban {
  /** The end, Unix milliseconds. */
  readonly until: number;
  /** For the person. Empty if none was given. */
  readonly reason: string;
}

export interface HubErrorOptions {
  readonly cause?: unknown;
  /** Seconds that the client waits before it tries again. */
  readonly retryAfter?: number;
  /** The ban, with `BANNED`. */
  readonly ban?: Ban;
}

/** An error that is reported to a client. Errors are told apart by `code`, never by their text. */
export class HubError extends Error {
  override readonly name = 'HubError';
  readonly code: ErrorCode;
  /** Seconds to wait before a retry; undefined if they are not known. */
  readonly retryAfter: number | undefined;
  /** The ban, if the code is `BANNED`. */
  readonly ban: Ban | undefined;

  constructor(code: ErrorCode, message: string = ERRORS[code].message, options: HubErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfter = options.retryAfter;
    this.ban = options.ban;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }

  /** Returns a `HubError` as it is, and any other thrown value as the cause of `UNAVAILABLE`. */
  static from(error: unknown): HubError {
    return error instanceof HubError ? error : new HubError('UNAVAILABLE', undefined, { cause: error });
  }
}
