/**
 * HTTP on the port of uWebSockets.js: reads a request, passes it to a handler, writes the answer.
 */
import { errorPage, PAGE_TYPE, PAGE_VARY } from '#libs/http/error-page.ts';
import { framingFault, type HeaderLines } from '#libs/http/header-lines.ts';
import { ERRORS, type ErrorCode } from '#libs/protocol/errors.ts';
import { RETRY_SECONDS } from '#libs/protocol/limits.ts';
import { type Answer, AnswerWriter } from './answer.ts';
import { type HttpRequest, type HttpResponse, type RequestHead, readHead } from './uws.ts';

/** One HTTP request with its body. */
export interface HttpRequestData {
  readonly method: string;
  /** Path and query as on the request line. */
  readonly url: string;
  readonly headers: HeaderLines;
  /** The first `BODY_MAX_BYTES` of the body. */
  readonly body: Buffer;
  /** Bytes of the body that were read. More than `BODY_MAX_BYTES`: the body is too large. */
  readonly bodyLength: number;
  /** The address of the other end of the connection. It may be a proxy. */
  readonly peer: string;
  /** Why the request is not valid. The handler answers such a request with 400. */
  readonly fault: string | undefined;
  /** The node drains. The handler answers with 503. */
  readonly draining: boolean;
}

/** Answers one request. If it rejects, the client gets a 500. */
export type HttpHandler = (request: HttpRequestData) => Promise<Answer>;

/** Bytes of a request body that the handler gets. */
export const BODY_MAX_BYTES = 1024 * 1024;
/**
 * Bytes of a body that is too large that the adapter reads and drops. Otherwise the client might
 * not read the answer (RFC 9112, section 9.6).
 */
const DROPPED_MAX_BYTES = 16 * BODY_MAX_BYTES;

/** Passes HTTP requests of uWS to a handler and writes its answers. */
export class HttpAdapter {
  readonly #handler: HttpHandler;
  readonly #draining: () => boolean;
  readonly #security: string | undefined;
  #open = 0;
  #whenIdle: (() => void) | undefined;

  /**
   * @param draining Whether the node drains now.
   * @param transportSecurity The value of `Strict-Transport-Security`. Undefined: no such header.
   */
  constructor(handler: HttpHandler, draining: () => boolean, transportSecurity: string | undefined) {
    this.#security = transportSecurity;
    this.#handler = handler;
    this.#draining = draining;
  }

  /** Resolves when every request that was read is answered. */
  idle(): Promise<void> {
    if (this.#open === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
    });
  }

  /**
   * Handles one request. Reads the head before the first `await`, as uWS demands, then the body.
   */
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
    // The end of the body is not certain, so nothing of it is read.
    if (fault !== undefined) {
      answer(Buffer.alloc(0), 0);
      return;
    }
    // A body whose declared length is above the limit is answered as soon as it is too large.
    const readUpTo = Number(head.headers.get('content-length')) > DROPPED_MAX_BYTES ? BODY_MAX_BYTES : DROPPED_MAX_BYTES;
    const chunks: Buffer[] = [];
    let length = 0;
    let handled = false;
    res.onData((chunk, isLast) => {
      if (writer.ended || handled) return;
      // The chunk is valid only until this callback returns.
      if (length < BODY_MAX_BYTES) chunks.push(Buffer.copyBytesFrom(new Uint8Array(chunk), 0, BODY_MAX_BYTES - length));
      length += chunk.byteLength;
      if (!isLast && length <= readUpTo) return;
      handled = true;
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

/**
 * The handler of a gateway that runs alone: it serves nothing over HTTP. A person gets that as a
 * page.
 */
export const nothingHere: HttpHandler = async ({ method, headers, fault, draining }) => {
  const answer = refusal(fault, draining);
  const wishes = { method, accept: headers.get('accept'), acceptLanguage: headers.get('accept-language') };
  const page = errorPage(answer.status, answer.body, wishes, undefined);
  return {
    ...answer,
    headers: { ...answer.headers, vary: PAGE_VARY, ...(page !== undefined && { 'content-type': PAGE_TYPE }) },
    body: page ?? answer.body,
  };
};

function refusal(fault: string | undefined, draining: boolean) {
  if (fault !== undefined) return failure('INVALID_REQUEST', fault);
  if (draining) return failure('DRAINING', undefined, { 'retry-after': String(RETRY_SECONDS) });
  return failure('NOT_FOUND', 'this port serves WebSockets only');
}

function failure(code: ErrorCode, message: string = ERRORS[code].message, headers: Readonly<Record<string, string>> = {}) {
  return {
    status: ERRORS[code].status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify({ code, message }),
  };
}
