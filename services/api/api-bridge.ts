/**
 * Passes requests that arrived at another server to the API, in the same process. It is the only
 * place where uWebSockets.js (or any other owner of the port) and Fastify meet.
 */
import { type IncomingMessage, request as sendRequest } from 'node:http';
import { duplexPair } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { FastifyInstance } from 'fastify';
import type { HeaderLines } from '#libs/http/header-lines.ts';
import { ERRORS } from '#libs/protocol/errors.ts';
import { METHODS } from './api-error.ts';

/** A request that another server has read. */
export interface BridgeRequest {
  readonly method: string;
  /** Path and query, as on the request line. */
  readonly url: string;
  readonly headers: HeaderLines;
  /** The body, or the part of it that the caller keeps. */
  readonly body: Buffer;
  /**
   * Bytes of the whole body. If `body` has fewer, this number must be above the limit of the API.
   */
  readonly bodyLength: number;
  /** The address of the other end of the connection, possibly a proxy. */
  readonly peer: string;
  /** The reason why the request is not valid, if there is one: the answer is 400. */
  readonly fault: string | undefined;
}

/** The answer of the API. */
export interface BridgeReply {
  readonly status: number;
  /**
   * The header lines, without those of the connection. Only the answer to a HEAD has
   * `content-length`: otherwise the caller's server writes it.
   */
  readonly headers: Record<string, string | string[]>;
  readonly body: Buffer;
}

/**
 * Fields of the connection (RFC 9110 section 7.6.1), and fields about a body that is read already.
 */
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
/** The characters that a request line can have. */
const TARGET = /^[\x21-\x7e]+$/;
/** Methods for which Node sends no length if there is no body. */
const WITHOUT_BODY: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']);

/**
 * Returns a function that passes requests to an API that does not listen: each over a connection in
 * memory to the API's own HTTP server. So every door gives the same answer, and nothing is parsed a
 * second way.
 *
 * `app` must be ready. The function rejects only if the API itself is broken. `uuid` makes the ids
 * of requests that never reach the API.
 */
export function bridgeTo(app: FastifyInstance, uuid: () => string): (request: BridgeRequest) => Promise<BridgeReply> {
  return async (request) => {
    const { method, url, bodyLength, body, peer, fault } = request;
    if (fault !== undefined) return refusal('INVALID_REQUEST', uuid(), fault);
    if (!TARGET.test(url)) return refusal('INVALID_REQUEST', uuid(), 'the request target must have visible ASCII characters only');
    // Node would write the method in capitals and so send another one.
    if (method !== method.toUpperCase()) return refusal('METHOD_NOT_ALLOWED', uuid());
    const [near, far] = duplexPair();
    app.server.emit('connection', Object.assign(far, { remoteAddress: peer }));
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const out = sendRequest({ method, path: url, headers: headersOf(request), createConnection: () => near });
      out.once('response', resolve).once('error', reject);
      out.write(body);
      // A truncated body never ends: the API rejects it because of its length.
      if (bodyLength <= body.length) out.end();
    });
    const content = await buffer(response);
    near.destroy();
    return { status: response.statusCode ?? 500, headers: replyHeaders(method, response.rawHeaders), body: content };
  };
}

/** Returns names and values in turn, so that several lines of one name stay several. */
function headersOf({ method, headers, body, bodyLength }: BridgeRequest): string[] {
  const flat = [...headers].flatMap(([name, value]) =>
    OF_THE_CONNECTION.has(name) || (name === 'content-type' && bodyLength > body.length) ? [] : [name, asBytes(value)],
  );
  const tellsLength = bodyLength > 0 || headers.has('content-length') || headers.has('transfer-encoding') || !WITHOUT_BODY.has(method);
  // The API rejects a truncated body because of its length, whatever its type.
  if (bodyLength > body.length) flat.push('content-type', 'application/json');
  return [...flat, 'connection', 'close', ...(tellsLength ? ['content-length', String(bodyLength)] : [])];
}

/**
 * Returns the UTF-8 bytes of a text, one character for each byte: the form in which Node writes
 * HTTP/1.1.
 */
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
