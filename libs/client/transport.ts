import type { ClientFrame, ServerFrame } from '#libs/protocol/frame-types.ts';
import { type Clock, Timer } from './timer.ts';

/** How long after `error` a `close` may come, milliseconds. */
const CLOSE_MS = 100;

/** What the client needs of a WebSocket. */
export interface WebSocketLike {
  send(text: string): void;
  close(code?: number): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: 'close', listener: (event: TransportEnd) => void): void;
  addEventListener(type: 'error', listener: () => void): void;
}

export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

export interface TransportEnd {
  /** WebSocket close code. */
  readonly code: number;
  readonly reason: string;
}

export interface TransportHandlers {
  frame(frame: ServerFrame): void;
  /** Called once, and nothing after it. Not called after `drop`. */
  ended(end: TransportEnd): void;
}

export interface TransportSettings {
  readonly WebSocket: WebSocketConstructor;
  readonly clock: Clock;
}

/** One WebSocket. */
export class Transport {
  readonly #socket: WebSocketLike;
  readonly #failed: Timer;
  #over = false;

  /**
   * Offers `parley.v1`, the protocol that shows browsers why they are refused (H5), and the token
   * (H2). Throws if URL or token cannot be sent.
   */
  constructor({ WebSocket, clock }: TransportSettings, url: string, token: string, handlers: TransportHandlers) {
    const end = (end: TransportEnd): void => {
      if (this.#over) return;
      this.#over = true;
      this.#failed.stop();
      handlers.ended(end);
    };
    // Node 22 only emits `error` for a connection that could not be made. All others emit `close`
    // after it, with a code.
    this.#failed = new Timer(clock, () => end({ code: 1006, reason: '' }));
    this.#socket = new WebSocket(url, ['parley.v1', 'parley.v1+close', `bearer.${token}`]);
    this.#socket.addEventListener('message', ({ data }) => {
      const frame = frameOf(data);
      if (!this.#over && frame !== undefined) handlers.frame(frame);
    });
    this.#socket.addEventListener('close', ({ code, reason }) => end({ code, reason }));
    this.#socket.addEventListener('error', () => {
      if (!this.#over) this.#failed.start(CLOSE_MS);
    });
  }

  send(frame: ClientFrame): void {
    this.#socket.send(JSON.stringify(frame));
  }

  /** Closes it without waiting for the other side, which would take long on a dead connection. */
  drop(): void {
    this.#over = true;
    this.#failed.stop();
    this.#socket.close(1000);
  }
}

/** Ignores what is not a frame, as frames of unknown types are ignored. */
function frameOf(data: unknown): ServerFrame | undefined {
  try {
    const frame = JSON.parse(String(data));
    return typeof frame.type === 'string' ? frame : undefined;
  } catch {
    return undefined;
  }
}
