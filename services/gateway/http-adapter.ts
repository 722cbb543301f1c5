/** HTTP on uWS's port, handed to whoever serves it: uWS owns the port, the handler owns the meaning. */
import { STATUS_CODES } from 'node:http';
import { clientAddress } from './client-address.ts';
import type { HttpRequest, HttpResponse } from './uws.ts';

export interface HttpRequestData {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
  readonly remoteAddress: string;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: Record<string, string | string[]>;
  readonly body: Buffer;
}

/** Answers one request. May reject: the client is then answered 500. */
export type HttpHandler = (request: HttpRequestData) => Promise<HttpReply>;

/** Bytes of a request body; beyond it 413, and the rest is not read. */
export const BODY_MAX_BYTES = 1024 * 1024;

/** uWS writes these itself. */
const OWN_HEADERS = new Set(['content-length', 'transfer-encoding', 'connection', 'date']);

export class HttpAdapter {
  readonly #handler: HttpHandler;
  readonly #hops: number;

  constructor(handler: HttpHandler, trustedProxyHops: number) {
    this.#handler = handler;
    this.#hops = trustedProxyHops;
  }

  /** The catch-all handler. Reads the request before the first await, the body as it comes. */
  handle(res: HttpResponse, req: HttpRequest): void {
    const headers: Record<string, string> = {};
    req.forEach((name, value) => {
      // A header sent twice is one list (RFC 9110, section 5.3).
      headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
    });
    const query = req.getQuery();
    const method = req.getCaseSensitiveMethod();
    const url = query === '' ? req.getUrl() : `${req.getUrl()}?${query}`;
    const remote = Buffer.from(res.getRemoteAddressAsText()).toString();
    const remoteAddress = clientAddress(remote, headers['x-forwarded-for'] ?? '', this.#hops);
    const state = { ended: false };
    res.onAborted(() => {
      state.ended = true;
    });
    const answer = (body: Buffer): void => {
      void this.#answer({ method, url, headers, body, remoteAddress }).then((reply) => {
        if (!state.ended) write(res, reply);
      });
    };
    const chunks: Buffer[] = [];
    let length = 0;
    res.onData((chunk, isLast) => {
      if (state.ended) return;
      length += chunk.byteLength;
      if (length > BODY_MAX_BYTES) {
        state.ended = true;
        write(res, failure(413, 'TOO_LARGE', `a body has at most ${BODY_MAX_BYTES} bytes`), true);
        return;
      }
      // uWS takes the chunk back when this returns.
      chunks.push(Buffer.from(new Uint8Array(chunk)));
      if (isLast) answer(Buffer.concat(chunks));
    });
  }

  async #answer(request: HttpRequestData): Promise<HttpReply> {
    try {
      return await this.#handler(request);
    } catch {
      return failure(500, 'INTERNAL', 'the request failed');
    }
  }
}

/** The handler where nothing is served over HTTP: a gateway of its own. */
export const nothingHere: HttpHandler = () => Promise.resolve(failure(404, 'NOT_FOUND', 'nothing is served here but WebSockets'));

function failure(status: number, code: string, message: string): HttpReply {
  return { status, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify({ code, message })) };
}

function write(res: HttpResponse, reply: HttpReply, closeConnection = false): void {
  res.cork(() => {
    // The blank after the code is part of the line, with or without a phrase (RFC 9112, section 4).
    res.writeStatus(`${reply.status} ${STATUS_CODES[reply.status] ?? ''}`);
    for (const [name, value] of Object.entries(reply.headers)) {
      if (OWN_HEADERS.has(name)) continue;
      for (const one of Array.isArray(value) ? value : [value]) res.writeHeader(name, one);
    }
    res.end(reply.body, closeConnection);
  });
}
