import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from './random.ts';
import { Receipts } from './receipts.ts';
import type { Samples } from './samples.ts';
import type { Scenario } from './scenario.ts';
import type { Seat } from './seats.ts';
import { LoadSocket, Refusal } from './socket.ts';
import { findStamp, nowMicros, stampedText } from './stamp.ts';
import type { Target } from './target.ts';

/** What all persons of a worker share. */
export interface Crew {
  readonly samples: Samples;
  readonly scenario: Scenario;
  readonly random: Random;
  /** Added to this machine's time, microseconds. */
  readonly clockOffset: number;
  roomName(room: number): string;
  writersIn(room: number): number;
}

/** Somebody of a load, as its worker sees them. */
export interface Member {
  readonly seat: Seat;
  /** Whether they were in their room all the time, but for gaps that they recovered from. */
  readonly steady: boolean;
  /** Whether they are connected, and where they want to be. */
  readonly here: boolean;
  /** Messages without an answer. */
  readonly pending: number;
  /** Deliveries so far. */
  readonly delivered: number;
  come(due: number): Promise<void>;
  say(due: number): boolean;
  goOutAndIn(): Promise<void>;
  fallOff(): Promise<void>;
  hurry(): void;
  end(): void;
  /** What they published, by room. */
  published(): readonly Writing[];
  /** What they got, by room. */
  ledgers(): readonly (readonly [room: number, receipts: Receipts])[];
}

/** What one writer published in a room. */
export interface Writing {
  readonly room: number;
  readonly writer: number;
  readonly sent: number;
  /** Numbers of messages that the hub refused or did not answer. */
  readonly uncertain: readonly number[];
}

/** What a person needs to connect. */
export interface Entrance {
  readonly target: Target;
  readonly token: string;
  readonly from: string | undefined;
}

interface Position {
  readonly epoch: string;
  offset: number;
}

/** How a frame of the hub begins. Its members have an order that is fixed (`libs/hub`). */
const ACK = Buffer.from('{"type":"ack"');
const ERROR = Buffer.from('{"type":"error"');
const MESSAGE = Buffer.from('{"type":"message"');
const OFFSET = Buffer.from('{"offset":');
/** Longest rest between two tries to come back, milliseconds. */
const MOST_REST_MS = 10_000;

/** One seat of a load: its connection, what it does, and what it got. */
export class Person implements Member {
  readonly seat: Seat;
  /** Its messages so far. */
  sent = 0;
  /** Numbers of its messages that the hub refused. */
  readonly refused: number[] = [];
  /** Numbers of its messages without an answer, with the time at which they were due. */
  readonly waiting = new Map<number, number>();
  /** Whether it was in its room all the time, but for gaps that it recovered from. */
  steady = true;
  readonly receipts: Receipts | undefined;
  readonly #crew: Crew;
  readonly #entrance: Entrance;
  readonly #room: string;
  #socket: LoadSocket | undefined;
  #position: Position | undefined;
  #ready: (() => void) | undefined;
  #returning = 0;
  #ended = false;
  #away = false;

  constructor(seat: Seat, crew: Crew, entrance: Entrance) {
    this.seat = seat;
    this.#crew = crew;
    this.#entrance = entrance;
    this.#room = seat.room < 0 ? '' : crew.roomName(seat.room);
    this.receipts = seat.room < 0 ? undefined : new Receipts(crew.writersIn(seat.room));
  }

  /** Whether it is connected, and in its room if it has one. */
  get here(): boolean {
    return this.#socket !== undefined && this.#ready === undefined;
  }

  get pending(): number {
    return this.waiting.size;
  }

  get delivered(): number {
    return this.receipts?.delivered ?? 0;
  }

  published(): readonly Writing[] {
    const { room, writer } = this.seat;
    return writer < 0 ? [] : [{ room, writer, sent: this.sent, uncertain: [...this.refused, ...this.waiting.keys()] }];
  }

  ledgers(): readonly (readonly [room: number, receipts: Receipts])[] {
    return this.receipts === undefined ? [] : [[this.seat.room, this.receipts]];
  }

  /**
   * Connects, and goes into its room. Goes on until it is in, or refused for good.
   * @param due when it was to begin: what it waits for itself counts.
   */
  async come(due: number): Promise<void> {
    for (let failures = 0; !this.#ended; failures += 1) {
      try {
        await this.#open();
        this.#crew.samples.time('connect', this.#now() - due);
        this.#crew.samples.count('connected');
        return;
      } catch (error) {
        const refusal = error instanceof Refusal ? error : new Refusal('ERROR', String(error));
        this.#crew.samples.error(`connect ${refusal.code}`);
        const rest = Math.min(MOST_REST_MS, 500 * 2 ** failures) * this.#crew.random.next();
        await delay(refusal.retryAfter === undefined ? rest : refusal.retryAfter * 1000 * (1 + this.#crew.random.next()));
      }
    }
  }

  /** Says something that was due at a time. False if it is not here. */
  say(due: number): boolean {
    const { seat } = this;
    if (!this.here) return false;
    this.sent += 1;
    this.waiting.set(this.sent, due);
    const text = stampedText({ micros: due, writer: seat.writer, number: this.sent }, this.#crew.scenario.textBytes);
    this.#socket?.send(`{"type":"message","id":"${this.sent}","room":"${this.#room}","text":"${text}"}`);
    this.#crew.samples.count('sent');
    return true;
  }

  /** Goes out of its room, and in again. */
  async goOutAndIn(): Promise<void> {
    if (!this.here || this.#away) return;
    this.#away = true;
    this.steady = false;
    this.#socket?.send(`{"type":"leave","id":"l","room":"${this.#room}"}`);
    await delay(this.#crew.random.next() * 1000);
    this.#socket?.send(`{"type":"join","id":"j","room":"${this.#room}"}`);
    this.#away = false;
  }

  /** Loses its connection, and comes back. */
  async fallOff(): Promise<void> {
    if (!this.here) return;
    this.#socket?.end({ cut: true });
    this.#lost();
    await this.#comeBack();
  }

  /** Reads what it put off. */
  hurry(): void {
    this.#socket?.hurry();
  }

  end(): void {
    this.#ended = true;
    this.#socket?.end();
    this.#socket = undefined;
  }

  #now(): number {
    return nowMicros() + this.#crew.clockOffset;
  }

  async #open(): Promise<void> {
    const { target, token, from } = this.#entrance;
    const at = this.#position;
    const since = at === undefined ? '' : `?epoch=${encodeURIComponent(at.epoch)}&offset=${at.offset}`;
    const path = this.#room === '' ? '/ws/chat' : `/chat/${encodeURIComponent(this.#room)}${since}`;
    let settle: ((error?: Refusal) => void) | undefined;
    const ready = new Promise<void>((resolve, reject) => {
      settle = (error) => (error === undefined ? resolve() : reject(error));
    });
    this.#ready = () => {
      this.#ready = undefined;
      settle?.();
    };
    // Only one of the two is awaited if the other fails.
    ready.catch(() => undefined);
    this.#socket = await LoadSocket.open({
      target,
      path,
      token,
      from,
      events: {
        frame: (chunk, start, length) => this.#frame(chunk, start, length),
        closed: (code) => {
          if (this.#ready !== undefined) {
            this.#socket = undefined;
            settle?.(new Refusal(`close ${code}`, 'closed before it was in its room'));
            return;
          }
          this.#crew.samples.error(`closed ${code}`);
          this.#lost();
          this.#comeBack().catch(() => undefined);
        },
      },
    });
    await ready;
    const pace = this.#crew.scenario.people.slow?.bytesPerSecond;
    if (this.seat.does === 'slow' && pace !== undefined) this.#socket?.slow(pace);
  }

  #lost(): void {
    this.#socket = undefined;
    // The hub does not promise messages of a room that keeps nothing to people who are away.
    if (this.#position === undefined) this.steady = false;
  }

  async #comeBack(): Promise<void> {
    this.#returning = this.#now();
    await this.come(this.#returning);
    this.#crew.samples.time('recovery', this.#now() - this.#returning);
  }

  #frame(chunk: Buffer, start: number, length: number): void {
    const end = start + length;
    this.#crew.samples.count('bytes', length);
    if (begins(chunk, start, length, MESSAGE) || begins(chunk, start, length, OFFSET)) this.#message(chunk, start, end);
    else if (begins(chunk, start, length, ACK)) this.#answer(idOf(chunk, start, end), true, '');
    else this.#other(chunk.toString('utf8', start, end), begins(chunk, start, length, ERROR));
  }

  #message(chunk: Buffer, start: number, end: number): void {
    const stamp = findStamp(chunk, start, end);
    if (stamp === undefined) return;
    this.receipts?.take(stamp.writer, stamp.number);
    this.#crew.samples.count('delivered');
    // How late a slow reader reads says nothing about the hub.
    if (this.seat.does !== 'slow') this.#crew.samples.time('delivery', this.#now() - stamp.micros);
    const position = this.#position;
    if (position === undefined) return;
    const at = chunk.indexOf('"offset":', start);
    if (at >= start && at < end) position.offset = Number.parseInt(chunk.toString('latin1', at + 9, Math.min(at + 26, end)), 10);
  }

  #answer(number: number, acked: boolean, code: string): void {
    const due = this.waiting.get(number);
    if (due === undefined) return;
    this.waiting.delete(number);
    this.#crew.samples.count(acked ? 'acked' : 'refused');
    if (acked) this.#crew.samples.time('ack', this.#now() - due);
    else {
      this.refused.push(number);
      this.#crew.samples.error(`message ${code}`);
    }
  }

  #other(text: string, isError: boolean): void {
    if (isError) {
      const { id, code } = JSON.parse(text) as { id?: string; code: string };
      if (id === undefined || Number.isNaN(Number(id))) this.#crew.samples.error(`frame ${code}`);
      else this.#answer(Number(id), false, code);
      return;
    }
    if (this.#room === '') {
      if (text.startsWith('{"type":"welcome"')) this.#ready?.();
      return;
    }
    const joined = text.startsWith('{"type":"joined"');
    if (!joined && !text.startsWith('{"type":"resync"')) return;
    const frame = JSON.parse(text) as { epoch?: string; offset?: number; messages: { message: { text?: string } }[]; more?: boolean };
    if (!joined) {
      this.steady = false;
      this.#crew.samples.count('resyncs');
    }
    const back = this.#position !== undefined;
    if (frame.epoch !== undefined) {
      // Another epoch: the room's sequence was lost, and the hub says so.
      if (back && this.#position?.epoch !== frame.epoch) this.steady = false;
      this.#position = { epoch: frame.epoch, offset: frame.offset ?? 0 };
    }
    if (back)
      for (const { message } of frame.messages) {
        const bytes = Buffer.from(message.text ?? '');
        const stamp = findStamp(bytes, 0, bytes.length);
        if (stamp === undefined) continue;
        this.receipts?.take(stamp.writer, stamp.number);
        this.#crew.samples.count('recovered');
      }
    if (frame.more !== true) this.#ready?.();
  }
}

function begins(chunk: Buffer, start: number, length: number, head: Buffer): boolean {
  return length >= head.length && chunk.compare(head, 0, head.length, start, start + head.length) === 0;
}

/** The number in `"id":"12"` of an answer; NaN for another id. */
function idOf(chunk: Buffer, start: number, end: number): number {
  const at = chunk.indexOf('"id":"', start);
  return at < 0 || at >= end ? Number.NaN : Number.parseInt(chunk.toString('latin1', at + 6, Math.min(at + 22, end)), 10);
}
