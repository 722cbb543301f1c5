/** What is said in one room, as a person reads it: framework-free, so that widget and workbench share it. */

import type { Person } from '#libs/client/index.ts';

/** A message as the hub has it. */
export interface Said {
  readonly id: string;
  readonly from: Person;
  readonly text: string;
  /** Unix milliseconds. */
  readonly at: number;
}

/** One message with its place in the room; rooms that keep nothing have none. */
export interface Placed {
  readonly offset?: number | undefined;
  readonly message: Said;
}

/** What a line's own sender knows of it: on its way, stored, or not sent. */
export type LineState = 'pending' | 'stored' | 'failed';

export interface Line {
  /** Stays the same while the line is on its way and after. */
  readonly key: string;
  /** The hub's id of it, once it is known. */
  readonly id: string | undefined;
  readonly offset: number | undefined;
  readonly from: Person;
  readonly text: string;
  readonly at: number;
  readonly state: LineState;
  /** Why it was not sent (a code of the error table). */
  readonly error?: string | undefined;
}

/** What a timeline needs of the client. */
export interface TimelineClient {
  join(room: string): Promise<{ readonly messages: readonly Placed[] }>;
  history(room: string, options: { readonly before?: number }): Promise<{ readonly messages: readonly Placed[]; readonly more: boolean }>;
  send(
    room: string,
    text: string,
    options: { readonly id: string },
  ): Promise<{ readonly message: { readonly id: string; readonly offset?: number | undefined; readonly at: number } }>;
  newId(): string;
}

export interface TimelineOptions {
  readonly client: TimelineClient;
  readonly room: string;
  readonly me: Person;
  /** Unix milliseconds. */
  readonly clock: () => number;
  /** Something changed. */
  readonly changed: () => void;
}

/** Lines in the order of the room, my own unsent ones last. Each message is there once, whatever way it came. */
export class Timeline {
  readonly room: string;
  readonly #options: TimelineOptions;
  #lines: readonly Line[] = [];
  #more = false;
  #ready = false;
  #gap = false;

  constructor(options: TimelineOptions) {
    this.room = options.room;
    this.#options = options;
  }

  get lines(): readonly Line[] {
    return this.#lines;
  }

  /** Whether there are older messages. */
  get more(): boolean {
    return this.#more;
  }

  /** Whether the newest page is there. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Whether something before the lines could not be recovered. */
  get gap(): boolean {
    return this.#gap;
  }

  /** Highest offset of what the hub has stored. */
  get top(): number {
    return this.#lines.reduce((top, { offset = 0 }) => Math.max(top, offset), 0);
  }

  /** Messages of others above an offset. */
  unread(above: number): number {
    const { me } = this.#options;
    return this.#lines.filter(({ from, offset = 0 }) => from.id !== me.id && offset > above).length;
  }

  /** Enters the room and shows its newest page. Rejects as the client's `join`. */
  async open(): Promise<void> {
    const { messages } = await this.#options.client.join(this.room);
    this.receive(messages);
    this.#more = mayHaveEarlier(messages);
    this.#ready = true;
    this.#options.changed();
  }

  /** Shows the newest page of a room that is closed: it is read, and not entered any more. Rejects as the client's `history`. */
  async read(): Promise<void> {
    const { messages } = await this.#options.client.history(this.room, {});
    // What lies between is not lost: it comes with the earlier ones.
    if (this.#breaksOff(messages)) this.#lines = this.#lines.filter(({ state }) => state !== 'stored');
    this.receive(messages);
    this.#more = mayHaveEarlier(this.#lines);
    this.#ready = true;
    this.#options.changed();
  }

  /** The page above the oldest line. Rejects as the client's `history`. */
  async earlier(): Promise<void> {
    const before = this.#lines.find(({ offset }) => offset !== undefined)?.offset;
    if (before === undefined) return;
    const { messages, more } = await this.#options.client.history(this.room, { before });
    this.#more = more;
    // What is older is asked of the store, which has it all.
    this.#gap = false;
    this.receive(messages);
  }

  /** Takes in what came from the hub, in any order. */
  receive(messages: readonly Placed[]): void {
    for (const { offset, message } of messages) this.#take(message, offset);
    this.#order();
  }

  /**
   * The room goes on from these messages (M4). Offsets of a room that keeps history never fall: where they follow on what is there nothing is missing,
   * else what is there goes, and there is a gap.
   */
  restart(messages: readonly Placed[]): void {
    if (this.#breaksOff(messages)) {
      this.#lines = this.#lines.filter(({ state }) => state !== 'stored');
      this.#more = true;
      this.#gap = true;
    }
    this.receive(messages);
  }

  /** Says something: shown at once, as pending. The line tells how it ended; nothing rejects. */
  async say(text: string): Promise<void> {
    const { client, me, clock } = this.#options;
    const key = client.newId();
    this.#lines = [...this.#lines, { key, id: undefined, offset: undefined, from: me, text, at: clock(), state: 'pending' }];
    this.#options.changed();
    await this.#send(key, text);
  }

  /** Sends a failed line again, under the same id. */
  async retry(key: string): Promise<void> {
    const line = this.#lines.find((one) => one.key === key && one.state === 'failed');
    if (line === undefined) return;
    this.#put({ ...line, state: 'pending', error: undefined });
    await this.#send(key, line.text);
  }

  /** Whether there may be something between what is there and these. */
  #breaksOff([first]: readonly Placed[]): boolean {
    return (first?.offset ?? 0) > this.top + 1;
  }

  async #send(key: string, text: string): Promise<void> {
    const { client } = this.#options;
    try {
      const { message } = await client.send(this.room, text, { id: key });
      const twin = this.#lines.find(({ id, key: other }) => id === message.id && other !== key);
      if (twin !== undefined) this.#lines = this.#lines.filter((line) => line !== twin);
      const line = this.#lines.find((one) => one.key === key);
      if (line !== undefined) this.#put({ ...line, id: message.id, offset: message.offset, at: message.at, state: 'stored' });
    } catch (error) {
      const line = this.#lines.find((one) => one.key === key);
      if (line?.state === 'pending') this.#put({ ...line, state: 'failed', error: codeOf(error) });
    }
  }

  #put(line: Line): void {
    this.#lines = this.#lines.map((one) => (one.key === line.key ? line : one));
    this.#order();
  }

  #take({ id, from, text, at }: Said, offset: number | undefined): void {
    if (this.#lines.some((line) => line.id === id)) return;
    // My own words come back before their ack, or after it: the oldest line on its way with this text is the one.
    const mine = from.id === this.#options.me.id ? this.#lines.find((line) => line.state === 'pending' && line.text === text) : undefined;
    const line: Line = { key: mine?.key ?? id, id, offset, from, text, at, state: 'stored' };
    this.#lines = mine === undefined ? [...this.#lines, line] : this.#lines.map((one) => (one === mine ? line : one));
  }

  #order(): void {
    const place = ({ state, offset }: Line) => (state === 'stored' ? (offset ?? 0) : Number.POSITIVE_INFINITY);
    this.#lines = this.#lines.toSorted((one, other) => {
      const [a, b] = [place(one), place(other)];
      return a === b ? 0 : a - b;
    });
    this.#options.changed();
  }
}

/** Offsets count from 1: what begins higher may have something before it. */
function mayHaveEarlier([first]: readonly { readonly offset?: number | undefined }[]): boolean {
  return (first?.offset ?? 1) > 1;
}

/** The code of an error of the client or of the API. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'INTERNAL';
}
