/** Requests that arrived elsewhere, answered by the API. The one place where whoever owns the port and Fastify meet. */
import { type IncomingMessage, request as sendRequest } from 'node:http';
import { duplexPair } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { FastifyInstance } from 'fastify';
import type { HeaderLines } from '#libs/http/header-lines.ts';
import { ERRORS } from '#libs/protocol/errors.ts';
import { METHODS } from './api-error.ts';

export interface BridgeRequest {
  readonly method: string;
  /** Path and query, as on the request line. */
  readonly url: string;
  readonly headers: HeaderLines;
  /** The body, or as much of it as the caller keeps. */
  readonly body: Buffer;
  /** Bytes of the whole body. If they are more than `body` has, they must be more than the API takes. */
  readonly bodyLength: number;
  /** The other end of the connection, which may be a proxy. */
  readonly peer: string;
  /** Why it is no valid request: it is refused with 400. */
  readonly fault: string | undefined;
}

export interface BridgeReply {
  readonly status: number;
  /** Without those of the connection. `content-length` is told to a HEAD only: the caller's server writes it otherwise. */
  readonly headers: Record<string, string | string[]>;
  readonly body: Buffer;
}

/** RFC 9110 section 7.6.1, and what describes a body that was read already. */
const OF_THE_CONNECTION: ReadonlySet<string> = new Set([
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
/** What can stand on a request line at all. */
const TARGET = /^[\x21-\x7e]+$/;
/** Methods that Node sends without a word about a body if there is none. */
const WITHOUT_BODY: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']);

/**
 * Hands requests to an API that listens nowhere: each over a connection in memory to the API's own HTTP server. So an answer is the same through every door;
 * nothing is parsed a second way. `app` must be ready. The function rejects only where the API itself is broken. `uuid` names the requests that never reach it.
 */
export function bridgeTo(app: FastifyInstance, uuid: () => string): (request: BridgeRequest) => Promise<BridgeReply> {
  return async (request) => {
    const { method, url, bodyLength, body, peer, fault } = request;
    if (fault !== undefined) return refusal('INVALID_REQUEST', uuid(), fault);
    if (!TARGET.test(url)) return refusal('INVALID_REQUEST', uuid(), 'a target has visible ASCII characters only');
    // Node would write it in capitals, and so ask for something else.
    if (method !== method.toUpperCase()) return refusal('METHOD_NOT_ALLOWED', uuid());
    const [near, far] = duplexPair();
    app.server.emit('connection', Object.assign(far, { remoteAddress: peer }));
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const out = sendRequest({ method, path: url, headers: headersOf(request), createConnection: () => near });
      out.once('response', resolve).once('error', reject);
      out.write(body);
      // A body that was cut off never ends: the API refuses it by its length.
      if (bodyLength <= body.length) out.end();
    });
    const content = await buffer(response);
    near.destroy();
    return { status: response.statusCode ?? 500, headers: replyHeaders(method, response.rawHeaders), body: content };
  };
}

/** Flat, names and values in turn: several lines of one name stay several. */
function headersOf({ method, headers, body, bodyLength }: BridgeRequest): string[] {
  const flat = [...headers].flatMap(([name, value]) =>
    OF_THE_CONNECTION.has(name) || (name === 'content-type' && bodyLength > body.length) ? [] : [name, asBytes(value)],
  );
  const tellsLength = bodyLength > 0 || headers.has('content-length') || headers.has('transfer-encoding') || !WITHOUT_BODY.has(method);
  // A body that was cut off is refused for its length, whatever it says it is.
  if (bodyLength > body.length) flat.push('content-type', 'application/json');
  return [...flat, 'connection', 'close', ...(tellsLength ? ['content-length', String(bodyLength)] : [])];
}

/** What was read as UTF-8, one character for each byte of it, as HTTP/1.1 is written. */
function asBytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function replyHeaders(method: string, raw: readonly string[]): BridgeReply['headers'] {
  const kept: Record<string, string | string[]> = {};
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at]?.toLowerCase() ?? '';
    const value = raw[at + 1] ?? '';
    if (name === 'date' || (OF_THE_CONNECTION.has(name) && !(name === 'content-length' && method === 'HEAD'))) continue;
    const before = kept[name];
    kept[name] = before === undefined ? value : [before, value].flat();
  }
  return kept;
}

function refusal(code: 'INVALID_REQUEST' | 'METHOD_NOT_ALLOWED', requestId: string, message: string = ERRORS[code].message): BridgeReply {
  const { status } = ERRORS[code];
  return {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-request-id': requestId,
      ...(status === 405 ? { allow: METHODS.join(', ') } : {}),
    },
    body: Buffer.from(JSON.stringify({ code, message, requestId })),
  };
}
