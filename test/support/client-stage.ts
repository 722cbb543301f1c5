import type { ClientEvents, ClientStatus, MessageEvent, ParleyClientOptions } from '#libs/client/index.ts';
import { ParleyClient } from '#libs/client/index.ts';
import { AnswerLedger } from './answer-ledger.ts';
import type { ServerFrame } from './server-frame.ts';

interface Alarm {
  at: number;
  readonly callback: () => void;
}

/** A clock that moves only by `advance`. */
class StageClock {
  /** The steady clock. It decides when alarms fire. */
  #now = 1_000_000;
  /** Milliseconds that the wall clock is ahead of it. */
  #ahead = 500_000_000;
  readonly #alarms = new Set<Alarm>();

  now(): number {
    return this.#now + this.#ahead;
  }

  steady(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, milliseconds: number): Alarm {
    const alarm = { at: this.#now + Math.max(0, milliseconds), callback };
    this.#alarms.add(alarm);
    return alarm;
  }

  clearTimeout(alarm: unknown): void {
    this.#alarms.delete(alarm as Alarm);
  }

  /** The alarms that are set. */
  get pending(): number {
    return this.#alarms.size;
  }

  /** Moves on, alarm by alarm. After each alarm it waits until all promises have settled. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    for (;;) {
      await settle();
      const [next] = [...this.#alarms].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.at);
      this.#alarms.delete(next);
      next.callback();
    }
    this.#now = end;
    await settle();
  }

  /**
   * Sets the wall clock back, or ahead by a negative value. Alarms fire after the same time as
   * before.
   */
  setBack(milliseconds: number): void {
    this.#ahead -= milliseconds;
  }

  /** The machine sleeps, and its steady clock with it. */
  hibernate(milliseconds: number): void {
    this.#ahead += milliseconds;
  }

  /** The machine sleeps. Alarms that were due meanwhile fire late, all at once. */
  async sleep(milliseconds: number): Promise<void> {
    this.#now += milliseconds;
    await this.advance(0);
  }
}

/** Waits until all promises have settled. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

type Frame = Readonly<Record<string, unknown>> & { readonly type: string };

/** A WebSocket whose other end is the test. */
export class StageSocket {
  readonly url: URL;
  readonly protocols: readonly string[];
  readonly sent: Frame[] = [];
  closedWith: number | undefined;
  /** Answers pings. */
  alive = true;
  readonly #listeners = new Map<string, ((event: never) => void)[]>();
  readonly #ledger = new AnswerLedger();

  constructor(url: string, protocols: string[]) {
    this.url = new URL(url);
    this.protocols = protocols;
  }

  addEventListener(type: string, listener: (event: never) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  send(text: string): void {
    const frame: Frame = JSON.parse(text);
    this.sent.push(frame);
    this.#ledger.sent(frame as ServerFrame);
    if (frame.type === 'ping' && this.alive) queueMicrotask(() => this.say({ type: 'pong', id: frame.id, at: 0 }));
  }

  close(code?: number): void {
    this.closedWith = code;
  }

  /**
   * The hub sends a frame. An error needs the room it is about.
   * @throws Error for an answer that the real hub does not give (F4).
   */
  say(frame: Frame): void {
    const room = frame.type === 'error' ? this.#ledger.roomOf(frame.id) : undefined;
    const said = room === undefined ? frame : { room, ...frame };
    this.#ledger.received(said as ServerFrame);
    this.hears(JSON.stringify(said));
  }

  /** Delivers any data to the client. */
  hears(data: unknown): void {
    this.#dispatch('message', { data });
  }

  /** The connection ends. */
  end(code: number, reason = ''): void {
    this.#dispatch('close', { code, reason });
  }

  /** The connection could not be made. The client gets no further event, as in Node 22. */
  fail(): void {
    this.#dispatch('error', {});
  }

  of(type: string): Frame[] {
    return this.sent.filter((frame) => frame.type === type);
  }

  /** The last frame of this type that the client sent. */
  last(type: string): Frame {
    const frame = this.of(type).at(-1);
    if (frame === undefined) throw new Error(`no ${type} among ${JSON.stringify(this.sent)}`);
    return frame;
  }

  #dispatch(type: string, event: unknown): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event as never);
  }
}

type Signal = 'online' | 'offline' | 'wake';

/** A client whose hub, clock, browser and random numbers are the test's. */
export class ClientStage {
  readonly clock = new StageClock();
  readonly sockets: StageSocket[] = [];
  readonly statuses: ClientStatus[] = [];
  readonly messages: MessageEvent[] = [];
  readonly stored = new Map<string, string>();
  readonly asked: boolean[] = [];
  readonly client: ParleyClient;
  /** The result of `getToken`. A function may throw. */
  token: string | null | (() => string | null | Promise<string>) = 'token';
  random = 0.5;
  online = true;
  #ears = new Set<(signal: Signal) => void>();
  #serial = 0;

  constructor(options: Partial<ParleyClientOptions> = {}) {
    const stage = this;
    this.client = new ParleyClient({
      url: 'wss://hub.test/ws/chat',
      getToken: ({ fresh }) => {
        stage.asked.push(fresh);
        return typeof stage.token === 'function' ? (stage.token() as string) : stage.token;
      },
      WebSocket: class extends StageSocket {
        constructor(url: string, protocols: string[]) {
          super(url, protocols);
          stage.sockets.push(this);
        }
      },
      clock: this.clock,
      random: () => stage.random,
      uuid: () => {
        stage.#serial += 1;
        return `uuid-${stage.#serial}`;
      },
      environment: {
        get online() {
          return stage.online;
        },
        storage: { getItem: (key) => stage.stored.get(key) ?? null, setItem: (key, value) => void stage.stored.set(key, value) },
        listen: (ear) => {
          stage.#ears.add(ear);
          return () => stage.#ears.delete(ear);
        },
      },
      ...options,
    });
    this.client.on('status', (status) => this.statuses.push(status));
    this.client.on('message', (event) => this.messages.push(event));
  }

  /** The newest socket. */
  get socket(): StageSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error('no socket yet');
    return socket;
  }

  get listeners(): number {
    return this.#ears.size;
  }

  /** The browser emits a signal. */
  signal(signal: Signal): void {
    for (const ear of [...this.#ears]) ear(signal);
  }

  /** Connects and gets `welcome`. */
  async connected(welcome: Partial<ClientEvents['welcome']> = {}): Promise<this> {
    this.client.connect();
    await this.advance(0);
    this.welcome(welcome);
    await this.advance(0);
    return this;
  }

  /** The hub sends `welcome` to the newest socket. */
  welcome(welcome: Partial<ClientEvents['welcome']> = {}): void {
    this.socket.say({
      type: 'welcome',
      session: 'uuid-1',
      user: { id: 'ada', name: 'Ada', kind: 'user' },
      node: 'n1',
      online: 1,
      heartbeat: 25,
      expiresAt: this.clock.now() / 1000 + 3600,
      limits: { messageChars: 200, conversationChars: 2000, frameBytes: 32_768, rooms: 100 },
      ...welcome,
    });
  }

  /** The connection breaks, and after the back-off a new one gets `welcome`. */
  async reconnected(): Promise<StageSocket> {
    this.socket.end(1006);
    await this.advance(10_000);
    this.welcome();
    await this.advance(0);
    return this.socket;
  }

  async advance(milliseconds: number): Promise<void> {
    await this.clock.advance(milliseconds);
  }

  /** Answers the client's last join, or one of its rooms. */
  joined(room: string, rest: Readonly<Record<string, unknown>> = {}): void {
    const { id } = this.socket.last('join');
    this.socket.say({ type: 'joined', id, room, count: 1, epoch: 'e1', offset: 0, recovered: false, messages: [], more: false, ...rest });
  }

  /** Joins a room and answers with this position. */
  async entered(room: string, offset = 0): Promise<void> {
    const joined = this.client.join(room);
    await this.advance(0);
    this.joined(room, { offset });
    await joined;
  }

  /** Delivers a message of another user. */
  hears(room: string, offset: number, id = `${room}-${offset}`): void {
    this.socket.say({ type: 'message', room, offset, message: chatMessage(id) });
  }

  /** The offsets that the application got of a room. */
  offsets(room: string): (number | undefined)[] {
    return this.messages.filter((event) => event.room === room).map(({ offset }) => offset);
  }
}

/** Makes a message with this id. */
export function chatMessage(id: string): { id: string; from: { id: string; name: string; kind: string }; text: string; at: number } {
  return { id, from: { id: 'bob', name: 'Bob', kind: 'user' }, text: `text of ${id}`, at: 1_700_000_000_000 };
}

/** Makes the messages of a page. */
export function page(room: string, from: number, to: number): { offset: number; message: ReturnType<typeof chatMessage> }[] {
  return Array.from({ length: to - from + 1 }, (_, index) => ({ offset: from + index, message: chatMessage(`${room}-${from + index}`) }));
}
