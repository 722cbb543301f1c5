/** HTTP on uWS's port, handed to whoever serves it: uWS owns the port, the handler owns the meaning. */
import { framingFault, type HeaderLines } from '#libs/http/header-lines.ts';
import { ERRORS, type ErrorCode } from '#libs/protocol/errors.ts';
import { RETRY_SECONDS } from '#libs/protocol/limits.ts';
import { type Answer, AnswerWriter } from './answer.ts';
import { type HttpRequest, type HttpResponse, type RequestHead, readHead } from './uws.ts';

export interface HttpRequestData {
  readonly method: string;
  /** Path and query, as on the request line. */
  readonly url: string;
  readonly headers: HeaderLines;
  /** The body, or its first `BODY_MAX_BYTES`. */
  readonly body: Buffer;
  /** Bytes of the whole body. */
  readonly bodyLength: number;
  /** The other end of the connection, which may be a proxy. */
  readonly peer: string;
  /** Why it is no valid request; it is to be answered with 400. */
  readonly fault: string | undefined;
  /** The node leaves: it is to be answered with 503. */
  readonly draining: boolean;
}

/** Answers one request. May reject: the client is then answered 500. */
export type HttpHandler = (request: HttpRequestData) => Promise<Answer>;

/** Bytes of a request body that are kept for the handler. */
export const BODY_MAX_BYTES = 1024 * 1024;
/** Bytes of a body that is too large that are read and dropped, so that its sender gets to read the answer (RFC 9112 section 9.6). */
const DROPPED_MAX_BYTES = 16 * BODY_MAX_BYTES;

export class HttpAdapter {
  readonly #handler: HttpHandler;
  readonly #draining: () => boolean;
  readonly #security: string | undefined;
  #open = 0;
  #whenIdle: (() => void) | undefined;

  /** `transportSecurity`: the value of `Strict-Transport-Security`. */
  constructor(handler: HttpHandler, draining: () => boolean, transportSecurity: string | undefined) {
    this.#security = transportSecurity;
    this.#handler = handler;
    this.#draining = draining;
  }

  /** Resolves as soon as no request that was read is without its answer. */
  idle(): Promise<void> {
    if (this.#open === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
    });
  }

  /** The catch-all handler. Reads the request before the first await, the body as it comes. */
  handle(res: HttpResponse, req: HttpRequest): void {
    const head = readHead(res, req);
    const fault = framingFault(head.method, head.headers);
    const writer = new AnswerWriter(res, head, this.#security);
    const answer = (body: Buffer, bodyLength: number): void => {
      this.#open += 1;
      void this.#answer(head, { body, bodyLength, fault }).then((reply) => {
        writer.write(reply);
        this.#open -= 1;
        if (this.#open === 0) this.#whenIdle?.();
      });
    };
    // Where a body ends is not certain: nothing of it is read.
    if (fault !== undefined) {
      answer(Buffer.alloc(0), 0);
      return;
    }
    // A body that says it is longer than that is answered as soon as it is too large.
    const readUpTo = Number(head.headers.get('content-length')) > DROPPED_MAX_BYTES ? BODY_MAX_BYTES : DROPPED_MAX_BYTES;
    const chunks: Buffer[] = [];
    let length = 0;
    let asked = false;
    res.onData((chunk, isLast) => {
      if (writer.ended || asked) return;
      // uWS takes the chunk back when this returns.
      if (length < BODY_MAX_BYTES) chunks.push(Buffer.copyBytesFrom(new Uint8Array(chunk), 0, BODY_MAX_BYTES - length));
      length += chunk.byteLength;
      if (!isLast && length <= readUpTo) return;
      asked = true;
      answer(Buffer.concat(chunks), length);
    });
  }

  async #answer(
    { method, url, headers, peer }: RequestHead,
    rest: Pick<HttpRequestData, 'body' | 'bodyLength' | 'fault'>,
  ): Promise<Answer> {
    try {
      return await this.#handler({ method, url, headers, peer, draining: this.#draining(), ...rest });
    } catch {
      return failure('INTERNAL');
    }
  }
}

/** The handler where nothing is served over HTTP: a gateway of its own. */
export const nothingHere: HttpHandler = async ({ fault, draining }) => {
  if (fault !== undefined) return failure('INVALID_REQUEST', fault);
  if (draining) return failure('DRAINING', undefined, { 'retry-after': String(RETRY_SECONDS) });
  return failure('NOT_FOUND', 'nothing is served here but WebSockets');
};

function failure(code: ErrorCode, message: string = ERRORS[code].message, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status: ERRORS[code].status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify({ code, message }),
  };
}
