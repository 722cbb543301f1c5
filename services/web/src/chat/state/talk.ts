/** The conversation of one room, as far as this page knows it. */
import type { Person } from '#libs/client/index.ts';
import { Audience } from './audience.ts';
import type { ChatClient } from './chat-client.ts';
import { codeOf, mayWorkLater } from './error-code.ts';
import type { Message, PlacedMessage } from './message.ts';
import { Observable } from './observable.ts';
import { Outbox } from './outbox.ts';
import { Timeline } from './timeline.ts';
import type { Timers } from './timers.ts';
import { Typists } from './typists.ts';

/** Messages asked for at once while scrolling up. */
const OLDER_PAGE = 50;
/** A room that could not be entered for now is tried again after so many milliseconds. */
const REJOIN_MS = 3_000;

export interface TalkOptions {
  readonly client: ChatClient;
  readonly me: Person;
  readonly timers: Timers;
  /** A room, or somebody to whom nothing was said yet: then the first message makes the room. */
  readonly target: { readonly room: string } | { readonly user: string };
  /** Whether messages are stored: then offsets never fall (M3). */
  readonly keepsHistory: boolean;
  /** The first message made this room. */
  readonly onRoom?: (room: string) => void;
}

/** `idle`: not entered yet. `refused`: it cannot be entered (`code`). `over`: it was closed (`code` tells by what). */
export type TalkState = 'idle' | 'opening' | 'open' | 'refused' | 'over';

export class Talk extends Observable {
  readonly timeline = new Timeline();
  readonly outbox = new Outbox();
  readonly audience = new Audience();
  readonly typists: Typists;
  /** What is begun to be written. */
  draft = '';
  keepsHistory: boolean;
  readonly #options: TalkOptions;
  #room: string | undefined;
  #state: TalkState = 'idle';
  #code: string | undefined;
  #older: 'none' | 'some' | 'loading' | 'failed' = 'none';
  #newCount = 0;
  #firstNew: string | undefined;

  constructor(options: TalkOptions) {
    super();
    this.#options = options;
    this.keepsHistory = options.keepsHistory;
    this.typists = new Typists(options.timers);
    if ('room' in options.target) this.#room = options.target.room;
    else this.#state = 'open';
  }

  /** Undefined as long as nothing was said to somebody. */
  get room(): string | undefined {
    return this.#room;
  }

  get state(): TalkState {
    return this.#state;
  }

  /** Why it was refused, or is over. */
  get code(): string | undefined {
    return this.#code;
  }

  /** Whether there is more above what is shown. */
  get older(): 'none' | 'some' | 'loading' | 'failed' {
    return this.#older;
  }

  /** The first message that was new when the room was opened. */
  get firstNew(): string | undefined {
    return this.#firstNew;
  }

  /** Enters the room and stays in it; harmless when it is entered already. */
  open(): void {
    if (this.#room !== undefined && this.#state === 'idle') void this.#join(this.#room);
  }

  /** Leaves the room; what was said stays. */
  close(): void {
    if (this.#room === undefined || this.#state !== 'open') return;
    this.#state = 'idle';
    this.typists.clear();
    this.#options.client.leave(this.#room).catch(() => undefined);
    this.changed();
  }

  /** What was written first made this room. */
  settle(room: string): void {
    if (this.#room !== undefined) return;
    this.#room = room;
    this.#state = 'idle';
    this.open();
  }

  /** A message as it comes. */
  arrived(placed: PlacedMessage): void {
    const { message } = placed;
    this.typists.stopped(message.from.id);
    if (message.from.id === this.#options.me.id && !this.timeline.has(message.id)) this.outbox.adopt(message);
    this.timeline.add([placed]);
    this.changed();
  }

  /** The room's sequence was lost (M4). */
  resync(page: readonly PlacedMessage[]): void {
    this.timeline.resync(page, this.keepsHistory);
    this.#measure();
    this.changed();
  }

  /** The connection is new and the room was entered again: who is here has to be asked anew. */
  rejoined(count: number): void {
    this.audience.counted(count);
    if (this.#state === 'open') void this.#askWhoIsHere();
  }

  member(action: 'joined' | 'left', person: Person): void {
    if (action === 'joined') this.audience.came(person);
    else {
      this.audience.went(person.id);
      this.typists.stopped(person.id);
    }
  }

  /** The room is over, or not open any more. */
  end(state: 'over' | 'refused', code: string): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#code = code;
    this.typists.clear();
    this.changed();
  }

  /** Says something: shown at once, and kept until the hub has it. */
  say(text: string): void {
    const { client, timers } = this.#options;
    const id = client.newId();
    this.outbox.add(id, text, timers.now());
    this.#endNew();
    this.changed();
    void this.#transmit(id, text);
  }

  /** Says once more what failed, under the same id: it cannot come twice. */
  retry(id: string): void {
    const entry = this.outbox.get(id);
    if (entry?.state !== 'failed' || entry.canRetry !== true) return;
    this.outbox.retry(id);
    this.changed();
    void this.#transmit(id, entry.text);
  }

  /** The hub refused something; whether it was said here is looked up. */
  refused(id: string, code: string): void {
    if (this.outbox.get(id) === undefined) return;
    this.outbox.refuse(id, code);
    this.changed();
  }

  /** Takes out what the hub does not have; where it is still tried, it is no more. */
  discard(id: string): void {
    if (this.outbox.get(id) === undefined) return;
    this.outbox.remove(id);
    this.#options.client.discard(id);
    this.changed();
  }

  /** Somebody who spoke here. */
  speaker(user: string): Person | undefined {
    const item = this.timeline.items.findLast((one) => one.kind === 'message' && one.message.from.id === user);
    return item?.kind === 'message' ? item.message.from : undefined;
  }

  /** I am writing; told to the others. */
  typed(): void {
    if (this.#room !== undefined && this.#state === 'open') this.#options.client.typing(this.#room);
  }

  /** The next older page. */
  async loadOlder(): Promise<void> {
    const before = this.timeline.first;
    if (this.#room === undefined || before === undefined || this.#older === 'loading' || this.#older === 'none') return;
    this.#older = 'loading';
    this.changed();
    try {
      const page = await this.#options.client.history(this.#room, { before, limit: OLDER_PAGE });
      this.timeline.add(page.messages);
      this.#older = page.more && page.messages.length > 0 ? 'some' : 'none';
    } catch {
      this.#older = 'failed';
    }
    this.changed();
  }

  /** So many of the last messages are new to whoever opens the room now. */
  beginReading(unread: number): void {
    this.#newCount = unread;
    this.#firstNew = undefined;
    this.#findFirstNew();
    this.changed();
  }

  /** Lets the oldest lines go; only while the end is in view. */
  trim(): void {
    if (!this.timeline.trim()) return;
    this.#older = 'some';
    this.changed();
  }

  async #join(room: string): Promise<void> {
    const { client, timers } = this.#options;
    this.#state = 'opening';
    this.changed();
    try {
      const { count, messages } = await client.join(room);
      this.audience.counted(count);
      this.timeline.add(messages);
      // It may have ended meanwhile.
      if (this.state !== 'opening') return this.changed();
      this.#state = 'open';
      this.#measure();
      this.#findFirstNew();
      this.changed();
      await this.#askWhoIsHere();
    } catch (error) {
      const code = codeOf(error);
      if (!mayWorkLater(code)) return this.end(code === 'ROOM_CLOSED' ? 'over' : 'refused', code);
      this.#state = 'idle';
      timers.after(REJOIN_MS, () => this.open());
    }
  }

  async #askWhoIsHere(): Promise<void> {
    if (this.#room === undefined) return;
    try {
      const { count, users } = await this.#options.client.presence(this.#room);
      this.audience.list(count, users);
    } catch {
      // It is asked again with the next connection.
    }
  }

  async #transmit(id: string, text: string): Promise<void> {
    const { client, target, onRoom } = this.#options;
    try {
      const said =
        this.#room === undefined && 'user' in target
          ? client.sendTo(target.user, text, { id })
          : client.send(this.#room ?? '', text, { id });
      const { room, message } = await said;
      this.outbox.remove(id);
      this.timeline.add([{ offset: message.offset, message: { id: message.id, from: this.#options.me, text, at: message.at } }]);
      if (this.#room === undefined) onRoom?.(room);
    } catch (error) {
      const code = codeOf(error);
      this.outbox.fail(id, code, mayWorkLater(code));
    }
    this.changed();
  }

  /** Offsets begin at 1: below the first there is nothing to ask for. */
  #measure(): void {
    if (this.#older !== 'loading') this.#older = (this.timeline.first ?? 0) > 1 ? 'some' : 'none';
  }

  #findFirstNew(): void {
    if (this.#newCount === 0 || this.#firstNew !== undefined) return;
    const theirs: Message[] = this.timeline.items.flatMap((item) => (item.kind === 'message' ? [item.message] : []));
    this.#firstNew = theirs.length > this.#newCount ? theirs.at(-this.#newCount)?.id : undefined;
  }

  #endNew(): void {
    this.#newCount = 0;
    this.#firstNew = undefined;
  }
}
