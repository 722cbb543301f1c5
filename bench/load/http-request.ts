import type { RequestKind } from './plan.ts';

/** The code that every account gets before the bench verifies it, since no mail is read here. */
export const CODE = 'BENCH2';
/** Messages stored in the park, offsets from 1. */
export const STORED = 20_000;
/** Messages of one page of history. */
export const PAGE = 50;

/** The mail address of an account by its number. */
export function mailOf(account: number): string {
  return `u${account}@bench.test`;
}

/** One request, as autocannon takes it. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The n-th request of a kind. Its account, address, page and receiver follow from `n`. */
export function requestOf(kind: RequestKind, n: number, bearer: string): HttpRequest {
  switch (kind) {
    case 'code':
      return post('/auth/code', { account: mailOf(n) }, { 'x-forwarded-for': addressOf(n) });
    case 'verify':
      return post('/auth/verify', { account: mailOf(n), code: CODE }, { 'x-forwarded-for': addressOf(n) });
    case 'history': {
      const before = PAGE + 1 + ((n * 7_919) % (STORED - PAGE));
      return { method: 'GET', path: `/api/v1/rooms/park/messages?before=${before}&limit=${PAGE}`, headers: authorization(bearer) };
    }
    case 'push':
      return post(
        '/push',
        { to: { user: `user-${n % 1000}` }, type: 'inform', code: 'bench', body: { text: 'something happened', n } },
        authorization(bearer),
      );
  }
}

function post(path: string, body: object, headers: Readonly<Record<string, string>>): HttpRequest {
  return {
    method: 'POST',
    path: `/api/v1${path}`,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
}

function authorization(bearer: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${bearer}` };
}

/** One of 16 million, so that nobody comes near a limit by address. */
function addressOf(n: number): string {
  return `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;
}
