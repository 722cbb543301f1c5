/** Customers who open conversations, and agents who take them and answer (A10 of SPEC.md). */
import { setTimeout as delay } from 'node:timers/promises';
import type { Crew, Entrance, Member, Writing } from './person.ts';
import { Receipts } from './receipts.ts';
import type { Seat } from './seats.ts';
import { LoadSocket, Refusal } from './socket.ts';
import { findStamp, nowMicros, stampedText } from './stamp.ts';

/** What customers and agents need beside an entrance. */
export interface DeskEntrance extends Entrance {
  /** The address of the API, without `/api/v1`. */
  readonly api: string;
}

const CUSTOMER = 0;
const AGENT = 1;
/** How often an agent looks at the queue, milliseconds. */
const QUEUE_MS = 2_000;
const REST_MS = 1_000;
const ANSWER_MS = 10_000;
/** Conversations of one page of the queue. */
const PAGE = 200;

/** A conversation as the hub shows it, as far as it matters here. */
interface ConversationView {
  readonly room: string;
  readonly customer: { readonly id: string };
  readonly agent?: { readonly id: string };
}

interface Conversation {
  /** The number of its room in the ledger. */
  readonly number: number;
  readonly receipts: Receipts;
  sent: number;
  readonly refused: number[];
}

interface HubFrame {
  readonly type?: string;
  readonly room?: string;
  readonly id?: string;
  readonly code?: string;
  readonly body?: ConversationView;
}

/** What customers and agents have in common: a connection, conversations, messages in them. */
abstract class Desk implements Member {
  readonly seat: Seat;
  steady = true;
  protected readonly crew: Crew;
  protected readonly entrance: DeskEntrance;
  /** By the name of the room. */
  protected readonly conversations = new Map<string, Conversation>();
  protected ended = false;
  readonly #writer: number;
  /** Messages without an answer, by id: `<room number>-<message number>`. */
  readonly #waiting = new Map<string, { readonly due: number; readonly conversation: Conversation; readonly number: number }>();
  #socket: LoadSocket | undefined;
  #ready = false;

  constructor(seat: Seat, crew: Crew, entrance: DeskEntrance, writer: number) {
    this.seat = seat;
    this.crew = crew;
    this.entrance = entrance;
    this.#writer = writer;
  }

  get here(): boolean {
    return this.#socket !== undefined && this.#ready;
  }

  get pending(): number {
    return this.#waiting.size;
  }

  get delivered(): number {
    return [...this.conversations.values()].reduce((sum, { receipts }) => sum + receipts.delivered, 0);
  }

  published(): readonly Writing[] {
    return [...this.conversations.values()].map((conversation) => ({
      room: conversation.number,
      writer: this.#writer,
      sent: conversation.sent,
      uncertain: [
        ...conversation.refused,
        ...[...this.#waiting.values()].filter((one) => one.conversation === conversation).map(({ number }) => number),
      ],
    }));
  }

  ledgers(): readonly (readonly [room: number, receipts: Receipts])[] {
    return [...this.conversations.values()].map(({ number, receipts }) => [number, receipts]);
  }

  /** Connects and opens the conversation. Retries until it is open. */
  async come(due: number): Promise<void> {
    while (!this.ended) {
      try {
        if (this.#socket === undefined) await this.#open();
        await this.settleIn();
        this.#ready = true;
        this.crew.samples.time('connect', this.now() - due);
        this.crew.samples.count('connected');
        return;
      } catch (error) {
        this.crew.samples.error(`connect ${error instanceof Refusal ? error.code : String(error)}`);
        await delay(REST_MS * (0.5 + this.crew.random.next()));
      }
    }
  }

  /** Says something in the first conversation. False if there is none. */
  say(due: number): boolean {
    const [room] = this.conversations.keys();
    return room !== undefined && this.here && this.write(room, due);
  }

  async goOutAndIn(): Promise<void> {
    // Conversations are not left.
  }

  async fallOff(): Promise<void> {
    // Nor are these connections cut.
  }

  hurry(): void {
    // They read at once.
  }

  end(): void {
    this.ended = true;
    this.#socket?.end();
    this.#socket = undefined;
  }

  protected abstract settleIn(): Promise<void>;
  /** An agent has a conversation now, or another one does. */
  protected abstract changed(conversation: ConversationView): void;
  protected heard(_room: string, _writer: number): void {
    // Customers only listen.
  }

  protected now(): number {
    return nowMicros() + this.crew.clockOffset;
  }

  protected remember(room: string, number: number): void {
    if (!this.conversations.has(room)) this.conversations.set(room, { number, receipts: new Receipts(2), sent: 0, refused: [] });
  }

  protected write(room: string, due: number): boolean {
    const conversation = this.conversations.get(room);
    if (conversation === undefined || this.#socket === undefined) return false;
    conversation.sent += 1;
    const number = conversation.sent;
    const id = `${conversation.number}-${number}`;
    this.#waiting.set(id, { due, conversation, number });
    const text = stampedText({ micros: due, writer: this.#writer, number }, this.crew.scenario.textBytes);
    this.#socket.send(`{"type":"message","id":"${id}","room":"${room}","text":"${text}"}`);
    this.crew.samples.count('sent');
    return true;
  }

  /** Asks the API. @throws Refusal for any answer but 2xx. */
  protected async ask<T>(method: 'GET' | 'POST', path: string): Promise<T> {
    const response = await fetch(`${this.entrance.api}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${this.entrance.token}`, ...(method === 'POST' && { 'content-type': 'application/json' }) },
      ...(method === 'POST' && { body: '{}' }),
      signal: AbortSignal.timeout(ANSWER_MS),
    }).catch((error: unknown) => {
      throw new Refusal('NO API', String(error));
    });
    const body = (await response.json().catch(() => ({}))) as T & { readonly code?: string };
    if (!response.ok) throw new Refusal(`API ${body.code ?? response.status}`, '');
    return body;
  }

  async #open(): Promise<void> {
    const { target, token, from } = this.entrance;
    this.#socket = await LoadSocket.open({
      target,
      path: '/ws/chat',
      token,
      from,
      events: {
        frame: (chunk, start, length) => this.#frame(chunk.toString('utf8', start, start + length), length),
        closed: (code) => {
          this.crew.samples.error(`closed ${code}`);
          // Later messages become offline messages, which this load does not read.
          this.steady = false;
          this.#socket = undefined;
          if (this.#ready) this.come(this.now()).catch(() => undefined);
        },
      },
    });
  }

  #frame(text: string, length: number): void {
    this.crew.samples.count('bytes', length);
    const frame = JSON.parse(text) as HubFrame;
    if (frame.type === 'ack' || frame.type === 'error') this.#answer(frame.id ?? '', frame.type === 'ack', frame.code ?? '');
    else if (frame.type === 'message' && frame.room !== undefined) this.#message(frame.room, Buffer.from(text));
    else if (frame.type === 'command' && frame.code === 'conversation' && frame.body !== undefined) this.changed(frame.body);
  }

  #message(room: string, bytes: Buffer): void {
    const stamp = findStamp(bytes, 0, bytes.length);
    if (stamp === undefined) return;
    this.conversations.get(room)?.receipts.take(stamp.writer, stamp.number);
    this.crew.samples.count('delivered');
    this.crew.samples.time('delivery', this.now() - stamp.micros);
    this.heard(room, stamp.writer);
  }

  #answer(id: string, acked: boolean, code: string): void {
    const one = this.#waiting.get(id);
    if (one === undefined) {
      if (!acked) this.crew.samples.error(`frame ${code}`);
      return;
    }
    this.#waiting.delete(id);
    this.crew.samples.count(acked ? 'acked' : 'refused');
    if (acked) this.crew.samples.time('ack', this.now() - one.due);
    else {
      one.conversation.refused.push(one.number);
      this.crew.samples.error(`message ${code}`);
    }
  }
}

/** A customer of a load: opens a conversation, and talks in it once an agent has it. */
export class Customer extends Desk {
  #assigned: (() => void) | undefined;

  constructor(seat: Seat, crew: Crew, entrance: DeskEntrance) {
    super(seat, crew, entrance, CUSTOMER);
  }

  protected override async settleIn(): Promise<void> {
    const assigned = new Promise<void>((resolve) => {
      this.#assigned = resolve;
    });
    const { room, agent } = await this.ask<ConversationView>('POST', '/conversations');
    this.remember(room, this.seat.room);
    if (agent === undefined) await assigned;
  }

  protected override changed({ agent }: ConversationView): void {
    if (agent !== undefined) this.#assigned?.();
  }
}

/** Finds a customer of this load by id. */
export type FindCustomer = (id: string) => Pick<Seat, 'room' | 'agent'> | undefined;

/**
 * An agent of a load: answers each message in the conversations that the hub gives to them, and takes
 * those that wait in the queue and fall to them.
 */
export class Agent extends Desk {
  readonly #find: FindCustomer;
  readonly #me: string;
  #looking = false;

  /** @param me Their id. */
  constructor(seat: Seat, crew: Crew, entrance: DeskEntrance, me: string, find: FindCustomer) {
    super(seat, crew, entrance, AGENT);
    this.#me = me;
    this.#find = find;
  }

  protected override async settleIn(): Promise<void> {
    // After a reconnect they look already.
    if (this.#looking) return;
    this.#looking = true;
    this.#look().catch((error: unknown) => this.crew.samples.error(`worker ${String(error)}`));
  }

  protected override changed({ room, customer, agent }: ConversationView): void {
    const found = this.#find(customer.id);
    if (found === undefined) return;
    if (agent?.id === this.#me) this.remember(room, found.room);
    else this.conversations.delete(room);
  }

  protected override heard(room: string, writer: number): void {
    if (writer === CUSTOMER) this.write(room, this.now());
  }

  /** Polls for waiting conversations and takes them. */
  async #look(): Promise<void> {
    while (!this.ended) {
      await this.#take().catch((error: unknown) =>
        this.crew.samples.error(`frame ${error instanceof Refusal ? error.code : String(error)}`),
      );
      await delay(QUEUE_MS * (0.5 + this.crew.random.next()));
    }
  }

  async #take(): Promise<void> {
    const { conversations } = await this.ask<{ readonly conversations: readonly ConversationView[] }>(
      'GET',
      `/conversations?state=queued&limit=${PAGE}`,
    );
    for (const { room, customer } of conversations) {
      const found = this.#find(customer.id);
      if (found?.agent !== this.seat.agent) continue;
      this.changed(await this.ask<ConversationView>('POST', `/conversations/${encodeURIComponent(room)}/assign`));
    }
  }
}
