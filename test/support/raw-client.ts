import { createHash, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

import { FrameReader, type IncomingFrame, maskedFrame } from './raw-frame.ts';

/** The answer to the upgrade. */
export interface RawResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** The end of a connection: code and reason of the close frame, or 1006 if the connection broke. */
export interface RawClose {
  readonly code: number;
  readonly reason: string;
}

/** Options of `RawClient`. */
export interface RawClientOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly protocols?: readonly string[];
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string;
  /** Called first for each text frame. */
  readonly onText?: (text: string) => void;
  readonly onBinary?: (bytes: Buffer) => void;
  readonly onClose?: (close: RawClose) => void;
  /** Whether it answers protocol pings. Default true. */
  readonly answerPings?: boolean;
  /** Milliseconds until the handshake counts as failed. Default 60,000. */
  readonly timeoutMs?: number;
}

/** The server answered the upgrade with another status than 101. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly response: RawResponse;

  constructor(response: RawResponse) {
    super(`refused: ${response.status} ${response.headers.get('x-websocket-error-code') ?? ''} ${response.body}`);
    this.response = response;
  }
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/**
 * A WebSocket client on a plain socket (RFC 6455). It can do everything that a good client must not
 * do.
 */
export class RawClient {
  readonly socket: Socket;
  /** The answer to the upgrade. */
  readonly response: RawResponse;
  /** Resolves at the end of the connection, whatever its cause. Never rejects. */
  readonly closed: Promise<RawClose>;
  readonly #options: RawClientOptions;
  readonly #reader: FrameReader;
  #close: RawClose | undefined;

  private constructor(socket: Socket, response: RawResponse, options: RawClientOptions) {
    this.socket = socket;
    this.response = response;
    this.#options = options;
    this.#reader = new FrameReader((frame) => this.#frame(frame));
    this.closed = new Promise((resolve) => {
      let told = false;
      const end = (): void => {
        if (told) return;
        told = true;
        const close = this.#close ?? { code: 1006, reason: '' };
        options.onClose?.(close);
        resolve(close);
      };
      socket.on('close', end);
      socket.on('error', () => {
        socket.destroy();
        // If the other side has just ended the connection, a reset fails in Node without a `close`
        // event.
        setImmediate(end);
      });
    });
    socket.on('end', () => socket.end());
    socket.on('data', (chunk) => this.#reader.read(chunk));
  }

  /**
   * Connects. Resolves after the 101. Rejects with `RefusedError` for another answer, and with
   * `Error` if there is none.
   */
  static open(url: string, options: RawClientOptions = {}): Promise<RawClient> {
    const { hostname, port, pathname, search, host } = new URL(url);
    const key = randomBytes(16).toString('base64');
    const headers: Record<string, string> = {
      Host: host,
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': key,
      ...(options.token === undefined ? {} : { Authorization: `Bearer ${options.token}` }),
      ...(options.protocols === undefined ? {} : { 'Sec-WebSocket-Protocol': options.protocols.join(', ') }),
      ...options.headers,
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    const request = [`GET ${pathname}${search} HTTP/1.1`, ...lines, '', ''].join('\r\n');
    return new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      const fail = (error: Error): void => {
        clearTimeout(timer);
        socket.destroy();
        reject(error);
      };
      const timer = setTimeout(() => fail(new Error(`no answer to the upgrade of ${url}`)), options.timeoutMs ?? 60_000);
      let read = Buffer.alloc(0);
      const onData = (chunk: Buffer): void => {
        read = Buffer.concat([read, chunk]);
        const answer = parseResponse(read, false);
        if (answer === undefined) return;
        if (answer.response.status !== 101) {
          fail(new RefusedError(answer.response));
          return;
        }
        const accept = createHash('sha1')
          .update(key + GUID)
          .digest('base64');
        if (answer.response.headers.get('sec-websocket-accept') !== accept) {
          fail(new Error('wrong Sec-WebSocket-Accept'));
          return;
        }
        clearTimeout(timer);
        socket.removeAllListeners();
        const client = new RawClient(socket, answer.response, options);
        resolve(client);
        if (answer.rest.length > 0) client.#reader.read(answer.rest);
      };
      socket.once('connect', () => socket.write(request));
      socket.on('data', onData);
      socket.once('error', fail);
      socket.once('close', () => {
        const answer = parseResponse(read, true);
        fail(answer === undefined ? new Error(`closed before an answer to the upgrade of ${url}`) : new RefusedError(answer.response));
      });
    });
  }

  /** Sends one text frame. */
  send(text: string): void {
    this.socket.write(maskedFrame(0x1, Buffer.from(text)));
  }

  sendBinary(bytes: Uint8Array): void {
    this.socket.write(maskedFrame(0x2, bytes));
  }

  /** Sends bytes unchanged: a frame of `rawFrame`, half of one, or rubbish. */
  write(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Stops reading, so that the server's send queue fills. */
  pauseReading(): void {
    this.socket.pause();
  }

  resumeReading(): void {
    this.socket.resume();
  }

  /** Sends a close frame. Resolves when the server has ended the connection. */
  close(code = 1000, reason = ''): Promise<RawClose> {
    const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
    payload.writeUInt16BE(code);
    payload.write(reason, 2);
    if (!this.socket.destroyed) this.socket.write(maskedFrame(0x8, payload));
    this.socket.resume();
    return this.closed;
  }

  /** Breaks the connection with a TCP reset, without a close frame. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  #frame(frame: IncomingFrame): void {
    switch (frame.opcode) {
      case 0x1:
        this.#options.onText?.(frame.payload.toString('utf8'));
        break;
      case 0x2:
        this.#options.onBinary?.(frame.payload);
        break;
      case 0x8: {
        const code = frame.payload.length >= 2 ? frame.payload.readUInt16BE() : 1005;
        this.#close = { code, reason: frame.payload.toString('utf8', 2) };
        if (!this.socket.destroyed) this.socket.end(maskedFrame(0x8, frame.payload.subarray(0, 2)));
        break;
      }
      case 0x9:
        if (this.#options.answerPings !== false) this.socket.write(maskedFrame(0xa, frame.payload));
        break;
      default:
    }
  }
}

function parseResponse(bytes: Buffer, ended: boolean): { readonly response: RawResponse; readonly rest: Buffer } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  const status = Number(statusLine.split(' ')[1]);
  const rest = bytes.subarray(headEnd + 4);
  if (status === 101) return { response: { status, headers, body: '' }, rest };
  const length = headers.get('content-length');
  if (!ended && (length === undefined || rest.length < Number(length))) return undefined;
  return { response: { status, headers, body: rest.toString('utf8') }, rest: Buffer.alloc(0) };
}
