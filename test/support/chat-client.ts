import { randomUUID } from 'node:crypto';

import { Attendance } from './attendance.ts';
import { signToken, type TokenClaims } from './jwt.ts';
import { Ledger, type Position } from './ledger.ts';
import { RawClient, type RawClientOptions, type RawClose } from './raw-client.ts';
import type { ServerFrame } from './server-frame.ts';

/** Options of `ChatClient`. */
export interface ChatClientOptions extends Omit<RawClientOptions, 'onText' | 'onClose' | 'onBinary'> {
  /** The claims of the token. Ignored if `token` is given. */
  readonly claims?: Partial<TokenClaims>;
  /** The path. Default `/ws/chat`. A path that has the token needs `token: ''`. */
  readonly path?: string;
  /** The label of the tab (H1). Default: a new one, kept over reconnects. */
  readonly session?: string;
  /** Whether to keep every frame in `frames`. Default true; false for crowds. */
  readonly record?: boolean;
}

/** The hub answered with an `error` frame. */
export class ReplyError extends Error {
  override readonly name = 'ReplyError';
  readonly code: string;
  readonly frame: ServerFrame;

  constructor(frame: ServerFrame) {
    super(`${frame.code}: ${String(frame.message)}`);
    this.code = frame.code ?? '';
    this.frame = frame;
  }
}

/** The connection ended before the answer. The effect of the frame is unknown. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

interface Pending {
  readonly room: string | undefined;
  readonly since: Position | undefined;
  readonly resolve: (frame: ServerFrame) => void;
  readonly reject: (error: Error) => void;
}

interface Waiter {
  readonly test: (frame: ServerFrame) => boolean;
  readonly resolve: (frame: ServerFrame) => void;
}

/**
 * A client for tests of the protocol: a promise for each frame, a record of all received frames,
 * and a ledger. It acts only on calls. `reconnect` joins its rooms again from their positions (M5).
 * For a client that stays connected use `StayingClient`.
 */
export class ChatClient {
  readonly user: string;
  readonly ledger: Ledger;
  /** Every frame of all connections, oldest first, if `record` is true. */
  readonly frames: ServerFrame[] = [];
  /** The number of received frames, by type. */
  readonly received = new Map<string, number>();
  welcome: ServerFrame = { type: 'none' };
  /** The ends of all connections that have ended. */
  readonly closes: RawClose[] = [];
  #url: string;
  #raw: RawClient | undefined;
  #serial = 0;
  readonly #options: ChatClientOptions;
  readonly #attendance = new Attendance();
  readonly #pending = new Map<string, Pending>();
  readonly #rooms = new Set<string>();
  readonly #waiters = new Set<Waiter>();

  private constructor(url: string, user: string, options: ChatClientOptions) {
    this.#url = url;
    this.user = user;
    this.#options = { session: randomUUID(), ...options };
    this.ledger = new Ledger(user);
  }

  /**
   * Connects. Resolves with the client after `welcome`. Rejects as `RawClient.open` does.
   *
   * @param url The gateway's URL, `ws://host:port`.
   */
  static async connect(url: string, user: string, options: ChatClientOptions = {}): Promise<ChatClient> {
    const client = new ChatClient(url, user, options);
    await client.#open();
    return client;
  }

  /** The last count, pushed or requested; undefined before the first. */
  get online(): number | undefined {
    return this.#attendance.online;
  }

  get roomOnline(): ReadonlyMap<string, number> {
    return this.#attendance.rooms;
  }

  /** The number of `member` frames, by `room user action`. */
  get members(): ReadonlyMap<string, number> {
    return this.#attendance.members;
  }

  get connected(): boolean {
    return this.#raw !== undefined;
  }

  /** The socket, for acts that a good client must not do. Throws if there is none. */
  get raw(): RawClient {
    if (this.#raw === undefined) throw new ConnectionLost(`${this.user} is not connected`);
    return this.#raw;
  }

  /** Resolves at the end of the present connection. */
  get closed(): Promise<RawClose> {
    return this.#raw?.closed ?? Promise.resolve(this.closes.at(-1) ?? { code: 1006, reason: '' });
  }

  /** Enters a room, from `since` if it is given. Resolves with the first `joined`. */
  async join(room: string, since?: Position): Promise<ServerFrame> {
    const joined = await this.request({ type: 'join', room, since }, since);
    this.#rooms.add(room);
    return joined;
  }

  async leave(room: string): Promise<ServerFrame> {
    this.#rooms.delete(room);
    return await this.request({ type: 'leave', room });
  }

  /** Publishes a message once. Resolves with the ack. */
  message(room: string, text: string, more: { readonly id?: string; readonly data?: unknown } = {}): Promise<ServerFrame> {
    return this.request({ type: 'message', room, text, ...more });
  }

  history(room: string, page: { readonly before?: number; readonly limit?: number } = {}): Promise<ServerFrame> {
    return this.request({ type: 'history', room, ...page });
  }

  presence(room: string): Promise<ServerFrame> {
    return this.request({ type: 'presence', room });
  }

  async onLineNumber(): Promise<number> {
    return (await this.request({ type: 'query', query: 'onLineNumber' })).count ?? Number.NaN;
  }

  refresh(token: string): Promise<ServerFrame> {
    return this.request({ type: 'refresh', token });
  }

  typing(room: string): void {
    this.send({ type: 'typing', room });
  }

  /**
   * Sends a frame and resolves with the answer of the same `id`. Rejects with `ReplyError` for an
   * `error` frame, and with `ConnectionLost` if the connection ends.
   */
  request(frame: Readonly<Record<string, unknown>>, since?: Position): Promise<ServerFrame> {
    this.#serial += 1;
    const id = typeof frame.id === 'string' ? frame.id : `q${this.#serial}`;
    const room = typeof frame.room === 'string' ? frame.room : undefined;
    return new Promise((resolve, reject) => {
      if (this.#raw === undefined) return reject(new ConnectionLost(`${this.user} is not connected`));
      this.#pending.set(id, { room, since, resolve, reject });
      this.#raw.send(JSON.stringify({ ...frame, id }));
    });
  }

  /** Sends a frame without waiting for an answer. */
  send(frame: Readonly<Record<string, unknown>>): void {
    this.raw.send(JSON.stringify(frame));
  }

  /** Returns the number of frames so far. Pass it to `waitFor` to see only later ones. */
  mark(): number {
    return this.frames.length;
  }

  /**
   * Returns the first frame that fits, from `from` on (default: any frame ever received). Waits for
   * it up to `timeoutMs` (default 30 s).
   */
  async waitFor(
    type: string,
    fits: (frame: ServerFrame) => boolean = () => true,
    options: { readonly from?: number; readonly timeoutMs?: number } = {},
  ): Promise<ServerFrame> {
    const test = (frame: ServerFrame): boolean => frame.type === type && fits(frame);
    const found = this.frames.slice(options.from ?? 0).find(test);
    if (found !== undefined) return found;
    const timeoutMs = options.timeoutMs ?? 30_000;
    return await new Promise((resolve, reject) => {
      const waiter: Waiter = {
        test,
        resolve: (frame) => {
          clearTimeout(timer);
          this.#waiters.delete(waiter);
          resolve(frame);
        },
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        const last = this.frames.slice(-8).map((frame) => JSON.stringify(frame).slice(0, 200));
        reject(new Error(`${this.user}: no ${type} that fits ${fits.toString()} within ${timeoutMs} ms; last:\n${last.join('\n')}`));
      }, timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  /** Returns the frames of one type, from a mark on. */
  of(type: string, from = 0): ServerFrame[] {
    return this.frames.slice(from).filter((frame) => frame.type === type);
  }

  /**
   * Connects again, to `url` if it is given, and joins its rooms from their positions. Resolves
   * with the `joined` frames.
   */
  async reconnect(url: string = this.#url): Promise<ServerFrame[]> {
    this.#raw?.reset();
    await this.#raw?.closed;
    this.#url = url;
    await this.#open();
    return await this.#rejoin();
  }

  /** Breaks the connection. */
  reset(): void {
    this.#raw?.reset();
  }

  /** Closes the connection in order, for good. */
  async close(): Promise<RawClose> {
    const raw = this.#raw;
    if (raw === undefined) return this.closes.at(-1) ?? { code: 1006, reason: '' };
    return await raw.close();
  }

  async #open(): Promise<void> {
    const { claims, token, path = '/ws/chat', session, ...rest } = this.#options;
    const bearer = token ?? signToken({ sub: this.user, ...claims });
    let onWelcome: (frame: ServerFrame) => void = () => {};
    const welcomed = new Promise<ServerFrame>((resolve) => {
      onWelcome = resolve;
    });
    const join = path.includes('?') ? '&' : '?';
    const raw = await RawClient.open(`${this.#url}${path}${session === '' ? '' : `${join}session=${session}`}`, {
      ...rest,
      ...(bearer === '' ? {} : { token: bearer }),
      onText: (text) => {
        const read: ServerFrame | readonly ServerFrame[] = JSON.parse(text);
        for (const frame of isArray(read) ? read : [read]) {
          if (frame.type === 'welcome') onWelcome(frame);
          this.#frame(frame);
        }
      },
    });
    this.#raw = raw;
    const ended = raw.closed.then((close) => {
      this.#ended(close);
      return { type: 'closed', code: `${close.code} ${close.reason}` };
    });
    const first = await Promise.race([welcomed, ended]);
    if (first.type === 'closed') throw new ConnectionLost(`${this.user}: closed before welcome: ${first.code}`);
    this.welcome = first;
  }

  #rejoin(): Promise<ServerFrame[]> {
    const joins = [...this.#rooms].map((room) => {
      const since = this.ledger.position(room);
      return this.request({ type: 'join', room, since }, since);
    });
    return Promise.all(joins);
  }

  #ended(close: RawClose): void {
    this.#raw = undefined;
    this.closes.push(close);
    this.ledger.disconnected();
    const lost = new ConnectionLost(`${this.user}: connection ended with ${close.code} ${close.reason}`);
    for (const { reject } of this.#pending.values()) reject(lost);
    this.#pending.clear();
  }

  #frame(frame: ServerFrame): void {
    this.received.set(frame.type, (this.received.get(frame.type) ?? 0) + 1);
    const pending = frame.id === undefined ? undefined : this.#pending.get(frame.id);
    this.ledger.frame(frame, pending?.since);
    this.#attendance.frame(frame);
    if (this.#options.record !== false) this.frames.push(frame);
    if (pending !== undefined && frame.id !== undefined) {
      this.#pending.delete(frame.id);
      if (frame.type === 'error') pending.reject(new ReplyError(frame));
      else pending.resolve(frame);
    }
    for (const waiter of this.#waiters) {
      if (waiter.test(frame)) waiter.resolve(frame);
    }
  }
}

/** F9: an array of frames, for a client that offered to take them. */
function isArray(read: ServerFrame | readonly ServerFrame[]): read is readonly ServerFrame[] {
  return Array.isArray(read);
}
