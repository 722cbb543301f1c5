import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { FrameReader } from '#bench/load/frame-reader.ts';
import type { Target } from './target.ts';

/** Why a connection is not there. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  /** A code of the hub, `HTTP 502`, or a code of the system, as ECONNREFUSED. */
  readonly code: string;
  /** Seconds to wait before the next try, if the hub said so. */
  readonly retryAfter: number | undefined;

  constructor(code: string, message: string, retryAfter?: number) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** What a connection tells its owner. */
export interface SocketEvents {
  /** A text frame, whole. The chunk is used again when this returns. */
  frame(chunk: Buffer, start: number, length: number): void;
  /** It ended, and nobody called `end`. 1006: without a close frame. */
  closed(code: number): void;
}

/** Options of `openSocket`. */
export interface SocketOptions {
  readonly target: Target;
  /** Path and query below the target's base. */
  readonly path: string;
  readonly token: string;
  /** One of this machine's addresses. Default: the system chooses. */
  readonly from?: string | undefined;
  readonly events: SocketEvents;
}

/** One buffer for all plain sockets: each chunk is used up before the next is read. */
const shared = Buffer.allocUnsafeSlow(256 * 1024);
const OPEN_MS = 30_000;
const MASK = Buffer.of(0, 0, 0, 0);
const PONG = Buffer.of(0x8a, 0x80, 0, 0, 0, 0);
/** Close 1000, masked with zeros. */
const CLOSE = Buffer.of(0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8);

/** A WebSocket of the load: no more than it needs, so that it costs less than the server does. */
export class LoadSocket {
  readonly #socket: Socket;
  readonly #events: SocketEvents;
  readonly #reader: FrameReader;
  #opening: ((error: Refusal | undefined) => void) | undefined;
  #head = '';
  #ended = false;
  /** Bytes a second to read; 0: at once. */
  #pace = 0;
  #owed = 0;
  #paced: NodeJS.Timeout | undefined;

  /** Resolves once the hub has switched protocols. @throws Refusal */
  static open(options: SocketOptions): Promise<LoadSocket> {
    return new Promise((resolve, reject) => {
      const socket: LoadSocket = new LoadSocket(options, (error) => (error === undefined ? resolve(socket) : reject(error)));
    });
  }

  private constructor({ target, path, token, from, events }: SocketOptions, opened: (error: Refusal | undefined) => void) {
    this.#events = events;
    this.#reader = new FrameReader(0, (chunk, start, length) => this.#events.frame(chunk, start, length), true);
    const timer = setTimeout(() => this.#refuse(new Refusal('TIMEOUT', `no answer within ${OPEN_MS / 1000} s`)), OPEN_MS);
    this.#opening = (error) => {
      clearTimeout(timer);
      this.#opening = undefined;
      opened(error);
    };
    const address = { host: target.host, port: target.port, ...(from !== undefined && { localAddress: from }) };
    this.#socket = target.secure
      ? connectTls({ ...address, servername: target.host }).on('data', (chunk) => void this.#read(chunk, chunk.length))
      : connectPlain({ ...address, onread: { buffer: shared, callback: (length) => this.#read(shared, length) } });
    this.#socket.setNoDelay(true);
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#refuse(new Refusal(error.code ?? 'ERROR', error.message)));
    this.#socket.on('close', () => this.#gone());
    const port = target.port === (target.secure ? 443 : 80) ? '' : `:${target.port}`;
    const host = target.host.includes(':') ? `[${target.host}]` : target.host;
    this.#socket.write(
      `GET ${target.base}${path} HTTP/1.1\r\nHost: ${host}${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: parley.v1\r\n' +
        `Authorization: Bearer ${token}\r\n\r\n`,
    );
  }

  /** Sends a text frame. */
  send(text: string): void {
    const payload = Buffer.from(text);
    const header =
      payload.length < 126
        ? Buffer.of(0x81, 0x80 | payload.length)
        : payload.length < 0x10000
          ? Buffer.of(0x81, 0xfe, payload.length >> 8, payload.length & 0xff)
          : Buffer.concat([Buffer.of(0x81, 0xff, 0, 0, 0, 0), uint32(payload.length)]);
    this.#socket.write(Buffer.concat([header, MASK, payload]));
  }

  /** From now on reads so many bytes a second, a tenth of them each 100 ms. */
  slow(bytesPerSecond: number): void {
    this.#pace = bytesPerSecond;
    this.#paced = setInterval(() => {
      this.#owed = Math.max(this.#owed - bytesPerSecond / 10, 0);
      if (this.#owed === 0) this.#socket.resume();
    }, 100);
  }

  /** From now on reads at once, as at the beginning. */
  hurry(): void {
    clearInterval(this.#paced);
    this.#pace = 0;
    this.#socket.resume();
  }

  /** Ends it, with a close frame, or as a lost line does (`cut`). */
  end({ cut = false } = {}): void {
    this.#ended = true;
    clearInterval(this.#paced);
    if (cut) this.#socket.resetAndDestroy();
    else this.#socket.end(CLOSE);
  }

  #read(chunk: Buffer, length: number): boolean {
    if (this.#opening !== undefined) this.#handshake(chunk, length);
    else this.#reader.feed(chunk, length);
    if (this.#reader.pinged) {
      this.#reader.pinged = false;
      this.#socket.write(PONG);
    }
    if (this.#pace === 0) return true;
    this.#owed += length;
    return false;
  }

  #handshake(chunk: Buffer, length: number): void {
    this.#head += chunk.toString('latin1', 0, length);
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.#head.slice(0, end);
    const rest = Buffer.from(this.#head.slice(end + 4), 'latin1');
    this.#head = '';
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
    const header = (name: string): string | undefined => new RegExp(`^${name}: *(.*)$`, 'im').exec(head)?.[1]?.trim();
    if (status !== 101) {
      const code = header('x-websocket-error-code');
      const wait = Number(header('retry-after'));
      this.#refuse(
        new Refusal(
          code ?? (Number.isNaN(status) ? 'NO HTTP' : `HTTP ${status}`),
          header('x-websocket-error-message') ?? head.split('\r\n', 1)[0] ?? '',
          wait > 0 ? wait : undefined,
        ),
      );
      return;
    }
    if (header('sec-websocket-protocol') !== 'parley.v1') {
      this.#refuse(new Refusal('NO PARLEY', 'it takes WebSockets and does not speak parley.v1'));
      return;
    }
    this.#opening?.(undefined);
    if (rest.length > 0) this.#reader.feed(rest, rest.length);
  }

  #refuse(refusal: Refusal): void {
    const opening = this.#opening;
    if (opening === undefined) return;
    this.#ended = true;
    this.#socket.destroy();
    opening(refusal);
  }

  #gone(): void {
    clearInterval(this.#paced);
    this.#refuse(new Refusal('CLOSED', 'closed before it was open'));
    if (!this.#ended) this.#events.closed(this.#reader.closeCode ?? 1006);
    this.#ended = true;
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
