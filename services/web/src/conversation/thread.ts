/** The messages of one room on a page: stored ones, own ones on their way, and who is typing. */

import { createStore } from 'zustand/vanilla';
import type { ParleyClient, Person } from '#libs/client/index.ts';
import type { View } from '../state/view.ts';
import { EarlierConversations, type FindEnded } from './earlier-conversations.ts';
import { codeOf, mayWorkLater } from './error-code.ts';
import { Outbox, type OutboxEntry } from './outbox.ts';
import { type PlacedMessage, Timeline, type TimelineItem } from './timeline.ts';
import type { Timers } from './timers.ts';
import { Typists } from './typists.ts';

/** Messages in a page of older ones. */
const OLDER_PAGE = 50;
/** Milliseconds before a failed join is tried again. */
const REJOIN_MS = 3_000;

/** The part of the client that a thread uses. */
type ThreadClient = Pick<ParleyClient, 'newId' | 'join' | 'leave' | 'send' | 'discard' | 'history' | 'typing'>;

/** The result of the client's `send`. */
export type Acked = Awaited<ReturnType<ThreadClient['send']>>;

/** What a thread needs. */
export interface ThreadOptions {
  readonly client: ThreadClient;
  readonly me: Person;
  readonly timers: Timers;
  /** Undefined: there is no room yet. The first message makes it. */
  readonly room?: string;
  /** Sends a message while there is no room. The result names the room. */
  readonly sendFirst?: (id: string, text: string) => Promise<Acked>;
  /** Called with the room that the first message made. */
  readonly onRoom?: (room: string) => void;
  /** Whether the room stores messages. If so, its offsets never fall (M3). */
  readonly keepsHistory: boolean;
  /** Finds ended conversations whose messages stand above those of the room. */
  readonly earlier?: FindEnded;
}

/** `idle`: not joined yet. `refused`: cannot be joined, see `code`. `over`: closed, see `code`. */
type ThreadStatus = 'idle' | 'opening' | 'open' | 'refused' | 'over';

/** The state that the pages show of a thread. */
interface ThreadState {
  /** Undefined before the first message. */
  readonly room: string | undefined;
  readonly status: ThreadStatus;
  /** Why it was refused or closed. */
  readonly code: string | undefined;
  readonly items: readonly TimelineItem[];
  readonly outbox: readonly OutboxEntry[];
  /** Whether the hub has messages above `items`. */
  readonly older: 'none' | 'some' | 'loading' | 'failed';
  /** Id of the first message that was new when the room was opened. */
  readonly firstNew: string | undefined;
  readonly typing: readonly Person[];
}

/** The messages of one room. Pages read `view` and call the methods. */
export class Thread {
  readonly #options: ThreadOptions;
  #timeline = new Timeline();
  readonly #earlier: EarlierConversations | undefined;
  readonly #outbox = new Outbox();
  readonly #typists: Typists;
  readonly #store = createStore<ThreadState>(() => ({
    room: undefined,
    status: 'open',
    code: undefined,
    items: [],
    outbox: [],
    older: 'none',
    firstNew: undefined,
    typing: [],
  }));
  readonly view: View<ThreadState> = this.#store;
  #draft = '';
  #keepsHistory: boolean;
  #newCount = 0;
  /** Whether the hub has messages of the room itself above those here. */
  #ownOlder: 'none' | 'some' = 'none';

  constructor(options: ThreadOptions) {
    this.#options = options;
    this.#keepsHistory = options.keepsHistory;
    this.#earlier = options.earlier && new EarlierConversations(options.earlier, options.client);
    this.#typists = new Typists(options.timers, (typing) => this.#store.setState({ typing }));
    if (options.room !== undefined) this.#store.setState({ room: options.room, status: 'idle' });
  }

  get room(): string | undefined {
    return this.#state.room;
  }

  get status(): ThreadStatus {
    return this.#state.status;
  }

  /** The text in the composer. It outlives the view. */
  get draft(): string {
    return this.#draft;
  }

  /** Highest offset. 0 if there is none. */
  get top(): number {
    return this.#timeline.last;
  }

  /** The newest text, stored or on its way. */
  get lastText(): string | undefined {
    const item = this.#timeline.items.findLast((one) => one.kind === 'message');
    return this.#outbox.entries.at(-1)?.text ?? (item?.kind === 'message' ? item.message.text : undefined);
  }

  /** The number of messages of other people above an offset. */
  unread(above: number): number {
    const { me } = this.#options;
    return this.#timeline.items.filter((one) => one.kind === 'message' && one.offset > above && one.message.from.id !== me.id).length;
  }

  /** The author of a message here, by id. */
  author(user: string): Person | undefined {
    const item = this.#timeline.items.findLast((one) => one.kind === 'message' && one.message.from.id === user);
    return item?.kind === 'message' ? item.message.from : undefined;
  }

  /** The room stores messages from now on, or stops to. */
  setKeepsHistory(keepsHistory: boolean): void {
    this.#keepsHistory = keepsHistory;
  }

  /**
   * Joins the room and stays in it. Tries again after a temporary failure. After any other, the
   * status says `refused` or `over`.
   */
  open(): void {
    if (this.status !== 'idle') return;
    this.join().catch((error: unknown) => {
      const code = codeOf(error);
      if (mayWorkLater(code)) this.#options.timers.after(REJOIN_MS, () => this.open());
      else this.end(code === 'ROOM_CLOSED' ? 'over' : 'refused', code);
    });
  }

  /** Joins the room once. Rejects like the client's `join`. Then the thread is idle. */
  async join(): Promise<void> {
    const { room } = this.#state;
    if (room === undefined) return;
    this.#store.setState({ status: 'opening' });
    try {
      const { count, messages } = await this.#options.client.join(room);
      this.#timeline.add(messages);
      // The room may have ended meanwhile.
      if (this.status !== 'opening') return this.#show();
      this.#show({ status: 'open', ...this.#measureOlder(), ...this.#findFirstNew() });
      this.onJoined(count);
    } catch (error) {
      if (this.status === 'opening') this.#store.setState({ status: 'idle' });
      throw error;
    }
  }

  /**
   * Reads the newest page of a closed room, which cannot be joined. Rejects like the client's
   * `history`.
   */
  async read(): Promise<void> {
    const { room } = this.#state;
    if (room === undefined) return;
    const { messages } = await this.#options.client.history(room, {});
    this.resync(messages);
  }

  /**
   * The room ended, and the next message opens another one. What was said stays, above a line that
   * says when it ended.
   */
  beginNext(endedAt: number): void {
    const { room } = this.#state;
    if (room === undefined || this.#earlier === undefined) return;
    this.#earlier.push({ room, endedAt }, this.#timeline, this.#ownOlder === 'some');
    this.#timeline = new Timeline();
    this.#typists.clear();
    this.#show({ room: undefined, status: 'open', code: undefined, firstNew: undefined, ...this.#measureOlder() });
  }

  /**
   * Shows the end of what was said before, if nothing older of the room itself is to be loaded. Asks
   * the hub once, however often it is called.
   */
  async loadEarlier(): Promise<void> {
    if (this.#earlier?.known === false && this.#ownOlder === 'none') await this.loadOlder();
  }

  /** Leaves the room. The messages stay. */
  close(): void {
    const { room, status } = this.#state;
    if (room === undefined || status !== 'open') return;
    this.#store.setState({ status: 'idle' });
    this.#typists.clear();
    this.#options.client.leave(room).catch(() => undefined);
  }

  /** The first message made this room. It is not joined yet. */
  assignRoom(room: string): void {
    if (this.room === undefined) this.#store.setState({ room, status: 'idle' });
  }

  /** Adds a message of the room. Messages may arrive in any order. */
  receive(placed: PlacedMessage): void {
    const { message } = placed;
    this.#typists.stop(message.from.id);
    if (message.from.id === this.#options.me.id && !this.#timeline.has(message.id)) this.#outbox.adopt(message);
    this.#timeline.add([placed]);
    this.#show();
  }

  /** The room lost its sequence (M4). It continues with this page. */
  resync(page: readonly PlacedMessage[]): void {
    this.#timeline.resync(page, this.#keepsHistory);
    this.#show(this.#measureOlder());
  }

  /** A person is typing. */
  typing(person: Person): void {
    this.#typists.start(person);
  }

  /** A person left and stopped typing. */
  left(user: string): void {
    this.#typists.stop(user);
  }

  /** The room ended, or is not open to me any more. */
  end(status: 'over' | 'refused', code: string): void {
    if (this.status === status) return;
    this.#typists.clear();
    this.#store.setState({ status, code });
  }

  /** Publishes a message. It is shown at once and kept until the hub acknowledges it. */
  publish(text: string): void {
    const { client, timers } = this.#options;
    const id = client.newId();
    this.#outbox.add(id, text, timers.now());
    this.#newCount = 0;
    this.#show({ firstNew: undefined });
    void this.#transmit(id, text);
  }

  /**
   * Sends a failed message again under its id, so it cannot be stored twice. While there is no
   * room, sends all failed messages again, in order.
   */
  retry(id: string): void {
    const failed = this.#outbox.entries.filter((entry) => entry.state === 'failed' && entry.canRetry === true);
    const again = failed.filter((entry) => entry.id === id || (this.room === undefined && failed.some((one) => one.id === id)));
    for (const entry of again) this.#outbox.retry(entry.id);
    this.#show();
    for (const entry of again) void this.#transmit(entry.id, entry.text);
  }

  /** The hub refused a frame with this id. It may be one of these messages. */
  refuse(id: string, code: string): void {
    if (this.#outbox.get(id) === undefined) return;
    this.#outbox.refuse(id, code);
    this.#show();
  }

  /** Drops a message that the hub has not acknowledged. The client stops trying to send it. */
  discard(id: string): void {
    if (this.#outbox.get(id) === undefined) return;
    this.#outbox.remove(id);
    this.#options.client.discard(id);
    this.#show();
  }

  /** Keeps the text in the composer and reports that I am typing. */
  setDraft(draft: string): void {
    this.#draft = draft;
    const { room, status } = this.#state;
    if (draft.trim() !== '' && room !== undefined && status === 'open') this.#options.client.typing(room);
  }

  /** Loads the next older page. */
  async loadOlder(): Promise<void> {
    const { room, older } = this.#state;
    const before = this.#timeline.first;
    if (older === 'loading') return;
    const own = room !== undefined && before !== undefined && this.#ownOlder === 'some';
    if (!own && this.#earlier === undefined) return;
    this.#store.setState({ older: 'loading' });
    try {
      if (own) {
        const page = await this.#options.client.history(room, { before, limit: OLDER_PAGE });
        this.#timeline.add(page.messages);
        this.#ownOlder = page.more && page.messages.length > 0 ? 'some' : 'none';
        if (this.#ownOlder === 'none') await this.#earlier?.look();
      } else await this.#earlier?.load();
      this.#show({ older: this.#older });
    } catch {
      this.#store.setState({ older: 'failed' });
    }
  }

  /** The person opens the room now: its last `unread` messages are new. */
  beginReading(unread: number): void {
    this.#newCount = unread;
    this.#store.setState({ firstNew: undefined });
    this.#store.setState(this.#findFirstNew());
  }

  /** Drops the oldest messages of a long list. Call it only while the end is in view. */
  trim(): void {
    if (!this.#timeline.trim()) return;
    this.#ownOlder = 'some';
    this.#show({ older: 'some' });
  }

  /** The room was joined. `count`: the people in it. */
  protected onJoined(_count: number): void {}

  get #state(): ThreadState {
    return this.#store.getState();
  }

  async #transmit(id: string, text: string): Promise<void> {
    const { client, sendFirst, onRoom, me } = this.#options;
    try {
      const before = this.room;
      const acked = before === undefined && sendFirst !== undefined ? sendFirst(id, text) : client.send(before ?? '', text, { id });
      const { room, message } = await acked;
      this.#outbox.remove(id);
      this.#timeline.add([{ offset: message.offset, message: { id: message.id, from: me, text, at: message.at } }]);
      if (this.room === undefined) onRoom?.(room);
    } catch (error) {
      const code = codeOf(error);
      this.#outbox.fail(id, code, mayWorkLater(code));
    }
    this.#show();
  }

  #show(changes: Partial<ThreadState> = {}): void {
    this.#store.setState({ items: this.#items, outbox: this.#outbox.entries, ...changes });
  }

  /** Offsets begin at 1. If the first message has offset 1, there is nothing above it. */
  #measureOlder(): Partial<ThreadState> {
    if (this.#state.older === 'loading') return {};
    this.#ownOlder = (this.#timeline.first ?? 0) > 1 ? 'some' : 'none';
    return { older: this.#older };
  }

  get #older(): 'none' | 'some' {
    return this.#ownOlder === 'some' || this.#earlier?.more === true ? 'some' : 'none';
  }

  /** The earlier conversations stand above the room. */
  get #items(): readonly TimelineItem[] {
    const earlier = this.#earlier?.items ?? [];
    return earlier.length === 0 ? this.#timeline.items : [...earlier, ...this.#timeline.items];
  }

  #findFirstNew(): Partial<ThreadState> {
    if (this.#newCount === 0 || this.#state.firstNew !== undefined) return {};
    const messages = this.#timeline.items.filter((item) => item.kind === 'message');
    return { firstNew: messages.length > this.#newCount ? messages.at(-this.#newCount)?.id : undefined };
  }
}
