/**
 * Where the hub is that a page came from. Its pages stand beside each other at its root, `/` or the path of `PUBLIC_URL`.
 *
 * @param path relative to that root, such as `api/v1/online`
 */
export function hubUrl(path: string, page: Pick<Location, 'href'> = location): string {
  return new URL(`./${path}`, page.href).href;
}

/** Where a page's WebSocket goes. */
export function socketUrl(page: Pick<Location, 'href'> = location): string {
  return hubUrl('ws/chat', page)
    .replace(/^http/, 'ws')
    .replace(/[?#].*$/, '');
}

/** Calls of the hub's HTTP API. */

/**
 * A call that did not work. `code` is that of the API's table of errors, or `UNREACHABLE` if there was no answer; the pages put codes into words, `message` is
 * the hub's own.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: string;
  /** Seconds, where the hub told any. */
  readonly retryAfter: number | undefined;

  constructor(code: string, message: string, retryAfter?: number) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

export interface CallOptions {
  readonly body?: unknown;
  readonly token?: string | undefined;
  /** The `Idempotency-Key` (A15): sent again, the request makes nothing a second time. */
  readonly key?: string | undefined;
  /** Lets a call end that the page does not live to see. */
  readonly keepalive?: boolean;
}

/** Resolves with the body of the answer, undefined if it has none. The login cookie goes along by itself. Rejects with `ApiError`. */
export type HubApi = (method: string, path: string, options?: CallOptions) => Promise<unknown>;

/** The API of a hub. `root`: where its routes begin; pages know it by `hubUrl`. */
export function hubApi(fetch: typeof globalThis.fetch, root = '/api/v1'): HubApi {
  return async (method, path, { body, token, key, keepalive = false } = {}) => {
    const { response, answer } = await send(() =>
      fetch(root + path, {
        method,
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
    const { code = 'INTERNAL', message = '' } = (answer ?? {}) as { readonly code?: string; readonly message?: string };
    throw new ApiError(code, message, Number(response.headers.get('retry-after')) || undefined);
  };
}

async function send(request: () => Promise<Response>): Promise<{ readonly response: Response; readonly answer: unknown }> {
  try {
    const response = await request();
    return { response, answer: response.status === 204 ? undefined : await response.json() };
  } catch {
    throw new ApiError('UNREACHABLE', 'The hub cannot be reached.');
  }
}
