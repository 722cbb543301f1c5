import { connect, type Socket } from 'node:net';
import type { Dialect, Place, Question, Reader } from './dialect.ts';
import type { FrameSink } from './frame-reader.ts';
import { clientFrame } from './message-frame.ts';

/** What a client needs to connect. */
export interface ClientOptions {
  readonly port: number;
  /** The address of this machine to connect from. Default: the system chooses. */
  readonly from?: string;
  /** Called when the connection ends without a call of `end`, once it was ready. */
  readonly onBroken?: () => void;
  readonly dialect: Dialect;
  readonly place: Place;
  readonly sink?: FrameSink;
  /** The sink gets every message whole. Default: cut messages are counted only. */
  readonly whole?: boolean;
  /** The sink gets every frame, not deliveries alone. */
  readonly every?: boolean;
  /** Once ready, it reads one chunk for each `sip` only. */
  readonly lazy: boolean;
}

/** One buffer for all sockets: each chunk is used up before the next is read. */
const shared = Buffer.allocUnsafeSlow(256 * 1024);
const PONG = Buffer.of(0x8a, 0x80, 0, 0, 0, 0);
const READY_MS = 20_000;

/**
 * One raw WebSocket over node:net. It checks the 101, counts messages and answers pings, nothing
 * else.
 */
export class LoadClient {
  readonly reader: Reader;
  /** Wire bytes received since the 101. */
  bytes = 0;
  /** Whether the connection ended without a call of `end`. */
  broken = false;
  readonly #options: ClientOptions;
  #socket: Socket | undefined;
  #waiting:
    | { mark: string | null; text: string; upgraded: boolean; greeted: boolean; ready: () => void; failed: (error: Error) => void }
    | undefined;
  #ended = false;
  #lazy = false;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.reader = options.dialect.reader(options);
  }

  /**
   * Connects and upgrades. Resolves when ready. @throws Error if it is refused, cut off or too
   * slow.
   */
  open(): Promise<void> {
    return this.#until(this.#options.dialect.ready(this.#options.place), false, () => {
      const socket = connect({
        host: '127.0.0.1',
        port: this.#options.port,
        ...(this.#options.from !== undefined && { localAddress: this.#options.from }),
        noDelay: true,
        onread: { buffer: shared, callback: (length) => this.#read(length) },
      });
      this.#socket = socket;
      socket.on('error', (error) => this.#waiting?.failed(error));
      socket.on('close', () => {
        this.broken = !this.#ended;
        if (this.broken && this.#waiting === undefined) this.#options.onBroken?.();
        this.#waiting?.failed(new Error(`closed before it was ready, after ${JSON.stringify(this.#waiting.text.slice(0, 400))}`));
      });
      socket.write(
        `GET ${this.#options.dialect.path(this.#options.place)} HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${this.#protocol()}\r\n`,
      );
    });
  }

  #protocol(): string {
    const { dialect, place } = this.#options;
    const protocol = place.recovers === true ? dialect.recovery?.protocol : dialect.protocols;
    return protocol === undefined ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
  }

  /** Asks, and resolves with the answer. @throws Error if it is cut off or too slow. */
  ask({ payload, answer }: Question): Promise<void> {
    if (answer !== null) return this.#until(answer, true, () => this.say(payload));
    this.say(payload);
    return Promise.resolve();
  }

  /** Sends a finished frame. */
  send(frame: Buffer): void {
    this.#socket?.write(frame);
  }

  /** Sends a text. */
  say(payload: string): void {
    this.send(clientFrame(Buffer.from(payload)));
  }

  /** Stops reading until `wake`. Bytes wait in the kernel and in the server. */
  sleep(): void {
    this.#socket?.pause();
  }

  /** Reads all waiting bytes, and each later one at once. */
  wake(): void {
    this.#socket?.resume();
  }

  /** For a lazy client: reads one chunk, the one that waits or the next. */
  sip(): void {
    this.#socket?.resume();
  }

  /** Reads each chunk at once from now on (`true`), or becomes lazy again if it was made so. */
  hurry(on: boolean): void {
    if (!this.#options.lazy) return;
    this.#lazy = !on;
    this.#socket?.resume();
  }

  /** Cuts the connection. */
  end(): void {
    this.#ended = true;
    this.#socket?.destroy();
  }

  /** Starts something, and resolves when the server sent `mark`. One at a time. */
  #until(mark: string | null, upgraded: boolean, start: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle(new Error('not ready in time')), READY_MS);
      const settle = (error?: Error) => {
        clearTimeout(timer);
        this.#waiting = undefined;
        if (error) return reject(error);
        this.#lazy = this.#options.lazy;
        resolve();
      };
      this.#lazy = false;
      this.#socket?.resume();
      this.#waiting = { mark, text: '', upgraded, greeted: upgraded, ready: () => settle(), failed: settle };
      start();
    });
  }

  #read(length: number): boolean {
    if (this.#waiting === undefined) this.#feed(shared, length);
    else this.#handshake(length);
    return !this.#lazy;
  }

  #handshake(length: number): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    waiting.text += shared.toString('latin1', 0, length);
    if (!waiting.upgraded) {
      const end = waiting.text.indexOf('\r\n\r\n');
      if (end < 0) return;
      if (!waiting.text.startsWith('HTTP/1.1 101')) {
        waiting.failed(new Error(waiting.text.slice(0, 200)));
        this.end();
        return;
      }
      waiting.upgraded = true;
      waiting.text = waiting.text.slice(end + 4);
      const rest = Buffer.from(waiting.text, 'latin1');
      this.#feed(rest, rest.length);
    } else {
      this.#feed(shared, length);
    }
    this.#greet(waiting);
    if (waiting.mark === null || waiting.text.includes(waiting.mark)) waiting.ready();
  }

  #greet(waiting: { readonly text: string; greeted: boolean }): void {
    const { greeting } = this.#options.dialect;
    if (greeting === undefined || waiting.greeted || !waiting.text.includes(greeting.after)) return;
    waiting.greeted = true;
    for (const payload of greeting.frames(this.#options.place)) this.say(payload);
  }

  #feed(chunk: Buffer, length: number): void {
    this.bytes += length;
    this.reader.feed(chunk, length);
    if (this.reader.pinged) {
      this.reader.pinged = false;
      this.send(PONG);
    }
    if (this.reader.asked) {
      this.reader.asked = false;
      this.say(this.#options.dialect.heartbeat ?? '');
    }
  }
}
