/** Requests that arrived elsewhere, answered by the API. The one place where whoever owns the port and Fastify meet. */

import type { FastifyInstance } from 'fastify';
import type { ErrorCode } from '#libs/protocol/errors.ts';
import { ERRORS } from '#libs/protocol/errors.ts';

export interface BridgeRequest {
  readonly method: string;
  /** Path and query, as on the request line. */
  readonly url: string;
  /** Names in lower case; a name that came several times has its values joined. */
  readonly headers: Record<string, string>;
  /** Whole; the caller caps its size. */
  readonly body: Buffer;
  /** The client's, not a proxy's: rate limits go by it. */
  readonly remoteAddress: string;
}

export interface BridgeReply {
  readonly status: number;
  /** Without those that belong to the connection or tell the body's length: the caller's server writes them. */
  readonly headers: Record<string, string | string[]>;
  readonly body: Buffer;
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
/** RFC 9110 section 7.6.1, and what describes a body that was read already. */
const OF_THE_CONNECTION = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'content-length',
]);

/** Hands requests to an API that listens nowhere. The function rejects only where the API itself is broken. `uuid` names the requests that never reach it. */
export function bridgeTo(app: FastifyInstance, uuid: () => string): (request: BridgeRequest) => Promise<BridgeReply> {
  return async ({ method: word, url, headers, body, remoteAddress }) => {
    const method = METHODS.find((one) => one === word);
    if (method === undefined) return refusal('METHOD_NOT_ALLOWED', uuid(), { allow: METHODS.join(', ') });
    if (!isOriginForm(url)) return refusal('INVALID_REQUEST', uuid());
    const response = await app.inject({
      method,
      url,
      headers: { ...withoutConnection(headers), ...(body.length > 0 ? { 'content-length': String(body.length) } : {}) },
      remoteAddress,
      ...(body.length > 0 ? { payload: body } : {}),
    });
    return { status: response.statusCode, headers: replyHeaders(response.headers), body: response.rawPayload };
  };
}

/** RFC 9112 section 3.2.1: an absolute path and maybe a query. Two slashes at its head would be read as the name of a host. */
function isOriginForm(url: string): boolean {
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(url) && URL.canParse(url, 'http://localhost');
}

function withoutConnection(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_THE_CONNECTION.has(name)));
}

function replyHeaders(headers: Readonly<Record<string, number | string | string[] | undefined>>): BridgeReply['headers'] {
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && name !== 'date' && !OF_THE_CONNECTION.has(name)) kept[name] = Array.isArray(value) ? value : String(value);
  }
  return kept;
}

function refusal(code: ErrorCode, requestId: string, headers: Record<string, string> = {}): BridgeReply {
  const { status, message } = ERRORS[code];
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: Buffer.from(JSON.stringify({ code, message, requestId })),
  };
}
