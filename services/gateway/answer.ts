/** Writes HTTP answers on the port of uWebSockets.js. */
import { STATUS_CODES } from 'node:http';
import type { HttpResponse, RequestHead } from './uws.ts';

/** An HTTP answer. */
export interface Answer {
  readonly status: number;
  /**
   * Names in lower case. `content-length` is used for HEAD only: the length of the body that a GET
   * would get.
   */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer | string;
}

/** Headers that uWS or this file writes. Those of an answer are ignored. */
const OWN_HEADERS: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'connection', 'date']);
const SECURITY_HEADER = 'strict-transport-security';
/**
 * Statuses without a body and without `Content-Length` (RFC 9110, sections 8.6, 15.3.5 and 15.4.5).
 */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 304]);

/**
 * Writes the answer to one request. Make it before the first `await`: it then notices an abort, and
 * never touches an aborted response.
 */
export class AnswerWriter {
  readonly #res: HttpResponse;
  readonly #head: Pick<RequestHead, 'method' | 'headers'>;
  readonly #security: string | undefined;
  #ended = false;

  /**
   * @param transportSecurity The value of `Strict-Transport-Security`. Undefined: no such header.
   */
  constructor(res: HttpResponse, head: Pick<RequestHead, 'method' | 'headers'>, transportSecurity: string | undefined) {
    this.#security = transportSecurity;
    this.#res = res;
    this.#head = head;
    res.onAborted(() => {
      this.#ended = true;
    });
  }

  /** Whether the request was answered or aborted. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Writes the answer and closes the connection. Does nothing if the request was answered or
   * aborted. An answer to HEAD has no body (RFC 9110, section 9.3.2).
   *
   * Why no connection is kept alive: uWS closes a connection that is idle for 10 s, and no setting
   * changes that. A proxy that keeps one could send a request into the close. So each answer has
   * `Connection: close` (RFC 9112, section 9.6).
   */
  write(given: Answer): void {
    if (this.#ended) return;
    const answer = this.#security === undefined ? given : { ...given, headers: { ...given.headers, [SECURITY_HEADER]: this.#security } };
    const length = Number(answer.headers['content-length'] ?? Buffer.byteLength(answer.body));
    if (WITHOUT_BODY.has(answer.status)) this.#finish(answer, true, (res) => res.endWithoutBody());
    else if (this.#head.method !== 'HEAD' || length === 0) {
      const body = this.#head.method === 'HEAD' ? '' : answer.body;
      // uWS takes any first `Connection` value of five letters for `close`. It closes the
      // connection then, but writes no `Connection: close`.
      const writesClose = this.#head.headers.first('connection')?.length === 'close'.length;
      this.#finish(answer, writesClose, (res) => res.end(body, true));
    } else this.#writeHead(answer, length);
  }

  #finish({ status, headers }: Answer, writesClose: boolean, end: (res: HttpResponse) => void): void {
    this.#ended = true;
    const res = this.#res;
    res.cork(() => {
      writeLines(res, status, headers);
      if (writesClose) res.writeHeader('Connection', 'close');
      end(res);
    });
  }

  /**
   * Writes a length without a body. The library's own call for it never closes the connection. So
   * this method writes an empty first part of a body with the whole length, then closes. It does so
   * in a later turn: inside its own callback uWS would close before it sends.
   */
  #writeHead({ status, headers }: Answer, length: number): void {
    setImmediate(() => {
      if (this.#ended) return;
      const res = this.#res;
      res.cork(() => {
        writeLines(res, status, headers);
        res.writeHeader('Connection', 'close');
        res.tryEnd('', length);
      });
      res.close();
    });
  }
}

function writeLines(res: HttpResponse, status: number, headers: Answer['headers']): void {
  // The space after the code is required even without a phrase (RFC 9112, section 4).
  res.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`);
  for (const [name, value] of Object.entries(headers)) {
    if (OWN_HEADERS.has(name)) continue;
    for (const one of typeof value === 'string' ? [value] : value) res.writeHeader(name, one);
  }
}
