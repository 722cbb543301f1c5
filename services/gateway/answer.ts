/** How an HTTP answer is written on uWS's port. */
import { STATUS_CODES } from 'node:http';
import type { HttpResponse, RequestHead } from './uws.ts';

export interface Answer {
  readonly status: number;
  /** `content-length` counts for a HEAD only: what the body of the GET would have. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer | string;
}

/** uWS writes these itself, or this file does. */
const OWN_HEADERS: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'connection', 'date']);
const SECURITY_HEADER = 'strict-transport-security';
/** RFC 9110 sections 8.6, 15.3.5 and 15.4.5: no body, and no word about its length. */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 304]);

/** One request's way back. It is made before the first await; an aborted response is never touched. */
export class AnswerWriter {
  readonly #res: HttpResponse;
  readonly #head: Pick<RequestHead, 'method' | 'headers'>;
  readonly #security: string | undefined;
  #ended = false;

  /** `transportSecurity`: the value of `Strict-Transport-Security`; none where undefined. */
  constructor(res: HttpResponse, head: Pick<RequestHead, 'method' | 'headers'>, transportSecurity: string | undefined) {
    this.#security = transportSecurity;
    this.#res = res;
    this.#head = head;
    res.onAborted(() => {
      this.#ended = true;
    });
  }

  /** Whether nothing can be answered any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Writes the one answer, without a body to a HEAD (RFC 9110 section 9.3.2), and ends the connection after it. uWS closes a connection that is idle
   * for 10 s, which no setting changes: a proxy that kept it would send a request into a closing connection now and then. So none is kept, and each
   * answer says so (RFC 9112 section 9.6).
   */
  write(given: Answer): void {
    if (this.#ended) return;
    const answer = this.#security === undefined ? given : { ...given, headers: { ...given.headers, [SECURITY_HEADER]: this.#security } };
    const length = Number(answer.headers['content-length'] ?? Buffer.byteLength(answer.body));
    if (WITHOUT_BODY.has(answer.status)) this.#finish(answer, true, (res) => res.endWithoutBody());
    else if (this.#head.method !== 'HEAD' || length === 0) {
      const body = this.#head.method === 'HEAD' ? '' : answer.body;
      // uWS takes a first line of five letters for `close`, and then does not say so itself.
      const saysClose = this.#head.headers.first('connection')?.length === 'close'.length;
      this.#finish(answer, saysClose, (res) => res.end(body, true));
    } else this.#writeHead(answer, length);
  }

  #finish({ status, headers }: Answer, saysClose: boolean, end: (res: HttpResponse) => void): void {
    this.#ended = true;
    const res = this.#res;
    res.cork(() => {
      writeLines(res, status, headers);
      if (saysClose) res.writeHeader('Connection', 'close');
      end(res);
    });
  }

  /**
   * A length and no body: the library's own call for it never ends the connection. The first part of a body, which is empty, tells the length of all, and then
   * the connection is closed: in a later turn, for within its own callback uWS would close before it sends.
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
  // The blank after the code is part of the line, with or without a phrase (RFC 9112, section 4).
  res.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`);
  for (const [name, value] of Object.entries(headers)) {
    if (OWN_HEADERS.has(name)) continue;
    for (const one of typeof value === 'string' ? [value] : value) res.writeHeader(name, one);
  }
}
