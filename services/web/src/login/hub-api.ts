import { withDeadline } from './deadline.ts';

/**
 * Milliseconds after which a call without a whole answer fails. Without this limit, a call that hangs
 * would hold the lock of a login, and with it the other tabs, for good.
 */
export const CALL_MS = 15_000;

/**
 * The URL of a resource of the hub that this page came from. All pages are at the hub's root: `/`
 * or the path of `PUBLIC_URL`.
 *
 * @param path Relative to that root, such as `api/v1/online`
 */
export function hubUrl(path: string, page: Pick<Location, 'href'> = location): string {
  return new URL(`./${path}`, page.href).href;
}

/** The URL of the WebSocket. */
export function socketUrl(page: Pick<Location, 'href'> = location): string {
  return hubUrl('ws/chat', page)
    .replace(/^http/, 'ws')
    .replace(/[?#].*$/, '');
}

/** What an error says beside its code. */
interface ErrorFacts {
  readonly retryAfter?: number | undefined;
  readonly until?: number | undefined;
  readonly reason?: string | undefined;
}

/**
 * A failed call. `code` is an error code of the API, or `UNREACHABLE` if there was no answer within
 * 15 seconds. Pages show a text of their own for it, not `message`, which is the hub's.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: string;
  /** Seconds, if the hub gave any. */
  readonly retryAfter: number | undefined;
  /** Of `BANNED`: the end of the ban, Unix milliseconds. */
  readonly until: number | undefined;
  /** Of `BANNED`: why, for the person. Undefined if nobody said. */
  readonly reason: string | undefined;

  constructor(code: string, message: string, { retryAfter, until, reason }: ErrorFacts = {}) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
    this.until = until;
    this.reason = reason;
  }
}

/** The optional parts of a call. */
export interface CallOptions {
  readonly body?: unknown;
  readonly token?: string | undefined;
  /** The `Idempotency-Key` (A15): the hub handles a repeated request only once. */
  readonly key?: string | undefined;
  /** Lets the call finish after the page is closed. */
  readonly keepalive?: boolean;
}

/**
 * Calls the hub's HTTP API. Resolves with the body, or undefined if there is none. The browser
 * sends the login cookie. Rejects with `ApiError`.
 */
export type HubApi = (method: string, path: string, options?: CallOptions) => Promise<unknown>;

/** Makes a client for the API. `root`: the URL of its routes. Pages use `hubUrl`. */
export function hubApi(fetch: typeof globalThis.fetch, root = '/api/v1'): HubApi {
  return async (method, path, { body, token, key, keepalive = false } = {}) => {
    const { response, answer } = await send((signal) =>
      fetch(root + path, {
        method,
        signal,
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(key === undefined ? {} : { 'idempotency-key': key }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        cache: 'no-store',
        keepalive,
      }),
    );
    if (response.ok) return answer;
    const {
      code = 'INTERNAL',
      message = '',
      until,
      reason,
    } = (answer ?? {}) as ErrorFacts & { readonly code?: string; readonly message?: string };
    throw new ApiError(code, message, { retryAfter: Number(response.headers.get('retry-after')) || undefined, until, reason });
  };
}

interface Answered {
  readonly response: Response;
  readonly answer: unknown;
}

async function send(request: (signal: AbortSignal) => Promise<Response>): Promise<Answered> {
  try {
    // The body counts, too: it can hang after the head.
    return await withDeadline(CALL_MS, async (signal) => {
      const response = await request(signal);
      return { response, answer: response.status === 204 ? undefined : await response.json() };
    });
  } catch {
    throw new ApiError('UNREACHABLE', 'The hub cannot be reached.');
  }
}
