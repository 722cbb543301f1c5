import { randomUUID } from 'node:crypto';

import { Attendance } from './attendance.ts';
import { signToken, type TokenClaims } from './jwt.ts';
import { Ledger, type Position } from './ledger.ts';
import { RawClient, type RawClientOptions, type RawClose } from './raw-client.ts';
import type { ServerFrame } from './server-frame.ts';

export interface ChatClientOptions extends Omit<RawClientOptions, 'onText' | 'onClose' | 'onBinary'> {
  /** Claims of the token; ignored where `token` is given. */
  readonly claims?: Partial<TokenClaims>;
  /** Default `/ws/chat`. A path that has the token itself: with `token: ''`. */
  readonly path?: string;
  /** The tab's label (H1). Default: one made up, kept over reconnects. */
  readonly session?: string;
  /** Keep every frame in `frames`. Off for crowds. Default true. */
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

/** The connection ended before the answer came: whether the frame took effect is not known. */
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
 * A client for tests of the protocol: a promise for each frame, everything received kept for questions, and a ledger. It does nothing by itself; told to
 * reconnect, it joins its rooms again from where it was (M5). What stays connected is a `StayingClient`.
 */
export class ChatClient {
  readonly user: string;
  readonly ledger: Ledger;
  /** Every frame of all connections, oldest first, where `record` is on. */
  readonly frames: ServerFrame[] = [];
  /** Frames received, by type. */
  readonly received = new Map<string, number>();
  welcome: ServerFrame = { type: 'none' };
  /** How the connections before ended, and the present one where it has. */
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

  /** Resolves with the client after `welcome`. `url` is the gateway's, `ws://host:port`. Rejects as `RawClient.open` does. */
  static async connect(url: string, user: string, options: ChatClientOptions = {}): Promise<ChatClient> {
    const client = new ChatClient(url, user, options);
    await client.#open();
    return client;
  }

  /** The last count pushed or asked for; undefined before any. */
  get online(): number | undefined {
    return this.#attendance.online;
  }

  get roomOnline(): ReadonlyMap<string, number> {
    return this.#attendance.rooms;
  }

  /** `member` frames: `room user action` to how often. */
  get members(): ReadonlyMap<string, number> {
    return this.#attendance.members;
  }

  get connected(): boolean {
    return this.#raw !== undefined;
  }

  /** The socket below, to do to it what a client must not. Throws when there is none. */
  get raw(): RawClient {
    if (this.#raw === undefined) throw new ConnectionLost(`${this.user} is not connected`);
    return this.#raw;
  }

  /** Resolves at the end of the present connection. */
  get closed(): Promise<RawClose> {
    return this.#raw?.closed ?? Promise.resolve(this.closes.at(-1) ?? { code: 1006, reason: '' });
  }

  /** Enters a room; `since` as given, or none. Resolves with the first `joined`. */
  async join(room: string, since?: Position): Promise<ServerFrame> {
    const joined = await this.request({ type: 'join', room, since }, since);
    this.#rooms.add(room);
    return joined;
  }

  async leave(room: string): Promise<ServerFrame> {
    this.#rooms.delete(room);
    return await this.request({ type: 'leave', room });
  }

  /** Says something once. Resolves with the ack. */
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

  /** Sends a frame and resolves with the answer of the same `id`; `error` rejects `ReplyError`, a lost line `ConnectionLost`. */
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

  /** Sends a frame that has no answer, or one whose answer is awaited by `waitFor`. */
  send(frame: Readonly<Record<string, unknown>>): void {
    this.raw.send(JSON.stringify(frame));
  }

  /** How many frames came: for `waitFor` to look only at what comes later. */
  mark(): number {
    return this.frames.length;
  }

  /** The first frame from `from` on (default: any ever received) that fits; waits for it up to `timeoutMs` (default 30 s). */
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

  /** Frames of one type, optionally from a mark on. */
  of(type: string, from = 0): ServerFrame[] {
    return this.frames.slice(from).filter((frame) => frame.type === type);
  }

  /** Connects again, to another gateway where `url` is given, and joins its rooms from where it was. Resolves with the `joined` frames. */
  async reconnect(url: string = this.#url): Promise<ServerFrame[]> {
    this.#raw?.reset();
    await this.#raw?.closed;
    this.#url = url;
    await this.#open();
    return await this.#rejoin();
  }

  /** Breaks the line. */
  reset(): void {
    this.#raw?.reset();
  }

  /** Leaves for good, politely. */
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
        const frame: ServerFrame = JSON.parse(text);
        if (frame.type === 'welcome') onWelcome(frame);
        this.#frame(frame);
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
