/** The messages of one room on a page: stored ones, own ones on their way, and who is typing. */

import { createStore } from 'zustand/vanilla';
import type { Person } from '#libs/client/index.ts';
import type { View } from '../state/view.ts';
import { afterReload } from './after-reload.ts';
import { EarlierConversations } from './earlier-conversations.ts';
import { codeOf, mayWorkLater } from './error-code.ts';
import { MessageWindow, type ReadingPlace } from './message-window.ts';
import { Outbox } from './outbox.ts';
import { type News, Reading } from './reading.ts';
import { NO_ROOM, type ThreadOptions, type ThreadState, type ThreadStatus } from './thread-state.ts';
import type { PlacedMessage } from './timeline.ts';
import { Typists } from './typists.ts';
import type { UnsentMessage } from './unsent-texts.ts';

/** Milliseconds before a failed join is tried again. */
const REJOIN_MS = 3_000;

/** The messages of one room. Pages read `view` and call the methods. */
export class Thread {
  readonly #options: ThreadOptions;
  #window: MessageWindow;
  readonly #earlier: EarlierConversations | undefined;
  readonly #outbox = new Outbox();
  readonly #typists: Typists;
  readonly #store = createStore<ThreadState>(() => NO_ROOM);
  readonly view: View<ThreadState> = this.#store;
  #draft: string;
  #keepsHistory: boolean;
  readonly #reading: Reading;
  /** Whether `items` begin with a page of the room. Messages may arrive before. */
  #isLoaded = false;
  /** Messages of before a reload, until they are sent. */
  #restored: readonly UnsentMessage[] = [];

  constructor(options: ThreadOptions) {
    this.#options = options;
    this.#keepsHistory = options.keepsHistory;
    this.#reading = new Reading(options.me.id);
    this.#window = this.#newWindow();
    this.#earlier = options.earlier && new EarlierConversations(options.earlier, options.client);
    this.#typists = new Typists(options.timers, (typing) => this.#store.setState({ typing }));
    if (options.room !== undefined) this.#store.setState({ room: options.room, status: 'idle' });
    this.#draft = options.unsent?.draft(this.#placeKey) ?? '';
    this.#restored = options.unsent?.messages(this.#placeKey) ?? [];
    for (const message of this.#restored) this.#restore(message);
    if (this.#restored.length > 0) this.#show();
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
    return this.#window.latest;
  }

  /** The newest text, stored or on its way. */
  get lastText(): string | undefined {
    return this.#outbox.entries.at(-1)?.text ?? this.#window.newest?.text;
  }

  /** The number of messages of other people above an offset. */
  unread(above: number): number {
    return this.#window.countNew(above, this.#options.me.id);
  }

  /** The author of a message here, by id. */
  author(user: string): Person | undefined {
    const item = this.#window.items.findLast((one) => one.kind === 'message' && one.message.from.id === user);
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
      const joined = this.#options.client.join(room);
      this.resume();
      const { count, messages, epoch } = await joined;
      // The room may have ended meanwhile.
      if (this.status !== 'opening') return this.#window.receive(messages);
      this.#store.setState({ status: 'open' });
      this.#isLoaded = true;
      this.#window.enter(messages, epoch);
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
    this.#isLoaded = true;
    this.resync(messages);
  }

  /**
   * The room ended, and the next message opens another one. What was said stays, above a line that
   * says when it ended.
   */
  beginNext(endedAt: number): void {
    const { room } = this.#state;
    if (room === undefined || this.#earlier === undefined) return;
    const { place, timeline, older } = this.#window;
    this.#earlier.push({ room, endedAt }, timeline, older !== 'none');
    this.#window = this.#newWindow();
    this.#reading.restart();
    this.#isLoaded = false;
    this.#typists.clear();
    this.#store.setState({ room: undefined, status: 'open', code: undefined, firstNew: undefined, newAbove: 0 });
    this.#window.move(place);
    this.#show();
  }

  /** Leaves the room. The messages stay. */
  close(): void {
    const { room, status } = this.#state;
    if (room === undefined || status !== 'open') return;
    this.#isLoaded = false;
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
    if (message.from.id === this.#options.me.id && !this.#window.has(message.id)) this.#outbox.adopt(message);
    this.#window.receive([placed]);
  }

  /** The room lost its sequence (M4). It continues with this page. */
  resync(page: readonly PlacedMessage[]): void {
    this.#window.resync(page);
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
    this.#reading.settle();
    this.#store.setState({ firstNew: undefined, newAbove: 0 });
    this.#show();
    if (this.#window.newer !== 'none') void this.toLatest();
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

  /** Whether messages of before a reload wait for `resume`. */
  get waitsForResume(): boolean {
    return this.#restored.length > 0;
  }

  /**
   * Sends the messages of before a reload, under their ids. A thread with a room does that when it
   * joins.
   */
  resume(): void {
    const restored = this.#restored;
    this.#restored = [];
    for (const { id } of restored) {
      const entry = this.#outbox.get(id);
      if (entry?.state === 'pending') void this.#transmit(id, entry.text);
    }
  }

  /** Keeps the text in the composer and reports that I am typing. */
  setDraft(draft: string): void {
    this.#draft = draft;
    this.#options.unsent?.keepDraft(this.#placeKey, draft);
    const { room, status } = this.#state;
    if (draft.trim() !== '' && room !== undefined && status === 'open') this.#options.client.typing(room);
  }

  /** Loads the next older page: of the room, then of earlier conversations. */
  async loadOlder(): Promise<void> {
    const isOwn = this.#window.older !== 'none';
    if (isOwn) await this.#window.loadOlder();
    if (this.#window.older === 'none') await this.#earlier?.read(isOwn ? 'count' : 'page', () => this.#show());
  }

  /**
   * Shows the end of what was said before, if nothing older of the room itself is to be loaded. Asks
   * the hub once, however often it is called.
   */
  async loadEarlier(): Promise<void> {
    if (this.#earlier?.known === false && this.#window.older === 'none') await this.loadOlder();
  }

  /** Loads the next newer page. */
  loadNewer(): Promise<void> {
    return this.#window.loadNewer();
  }

  /**
   * The person opens the room now. `count` messages of others are new: those above the offset
   * `above`. One of the two may be missing. The view goes to the first of them.
   */
  beginReading(news: News): void {
    this.#reading.begin(news);
    this.#store.setState({ firstNew: undefined, newAbove: 0, aim: undefined });
    this.#show();
  }

  /** Goes to the first new message, which is above `items`. */
  async toFirstNew(): Promise<void> {
    const above = this.#reading.startOf(this.#window);
    if (above === undefined) return;
    await this.#window.toOffset(above).catch(() => undefined);
    if (this.#state.firstNew !== undefined) this.#aimAt('firstNew');
  }

  /** Goes to the newest message. */
  async toLatest(): Promise<void> {
    await this.#window.toLatest();
    if (this.#window.newer === 'none') this.#aimAt('end');
  }

  /** The view moved. `seen`: the last message in it, by id. */
  moveTo(place: ReadingPlace, seen?: string): void {
    this.#reading.see(seen, this.#window);
    if (place === 'away') {
      this.#reading.settle();
      this.#store.setState({ firstNew: undefined, newAbove: 0, aim: undefined });
    }
    this.#window.move(place);
    const newBelow = this.#reading.countBelow(this.#window);
    if (newBelow !== this.#state.newBelow) this.#store.setState({ newBelow });
  }

  /** The room was joined. `count`: the people in it. */
  protected onJoined(_count: number): void {}

  get #state(): ThreadState {
    return this.#store.getState();
  }

  /** Where the unsent texts are kept. */
  get #placeKey(): string {
    return this.#options.place ?? this.#options.room ?? '';
  }

  #restore(message: UnsentMessage): void {
    const { client, timers } = this.#options;
    const { entry, leftMs } = afterReload(message, timers.now());
    this.#outbox.restore(entry);
    if (leftMs !== undefined) timers.after(leftMs, () => this.#outbox.get(entry.id)?.state === 'pending' && client.discard(entry.id));
  }

  async #transmit(id: string, text: string): Promise<void> {
    const { client, send, onRoom, me } = this.#options;
    try {
      const { room, message } = await (send?.(this.room, id, text) ?? client.send(this.room ?? '', text, { id }));
      this.#outbox.remove(id);
      this.#window.receive([{ offset: message.offset, message: { id: message.id, from: me, text, at: message.at } }]);
      if (this.room === undefined) onRoom?.(room);
    } catch (error) {
      // The person's own discard has removed it already.
      const code = codeOf(error) === 'DISCARDED' ? 'EXPIRED' : codeOf(error);
      this.#outbox.fail(id, code, mayWorkLater(code));
    }
    this.#show();
  }

  #show(): void {
    const { newer, newest } = this.#window;
    const outbox = this.#outbox.entries;
    if (outbox !== this.#state.outbox) this.#options.unsent?.keepMessages(this.#placeKey, outbox);
    const newBelow = this.#reading.countBelow(this.#window);
    this.#store.setState({ items: this.#items, older: this.#older, newer, newest, outbox, newBelow });
    this.#findNews();
  }

  #newWindow(): MessageWindow {
    return new MessageWindow({
      read: (page) => this.#options.client.history(this.room ?? '', page),
      keepsHistory: () => this.#keepsHistory,
      onChange: () => this.#show(),
    });
  }

  get #older(): ThreadState['older'] {
    if (this.#window.older !== 'none') return this.#window.older;
    return this.#earlier?.state ?? 'none';
  }

  /** The earlier conversations stand above the room. */
  get #items(): ThreadState['items'] {
    const earlier = this.#earlier?.items ?? [];
    return earlier.length === 0 ? this.#window.items : [...earlier, ...this.#window.items];
  }

  /** Looks for the first new message, once the room is loaded. */
  #findNews(): void {
    const found = this.#isLoaded && this.#state.firstNew === undefined ? this.#reading.find(this.#window) : undefined;
    if (found === undefined) return;
    const { isOpening, ...beginning } = found;
    this.#store.setState(beginning);
    if (isOpening && beginning.firstNew !== undefined) this.#aimAt('firstNew');
  }

  #aimAt(at: 'firstNew' | 'end'): void {
    if (at === 'firstNew') {
      this.#reading.goTo(this.#state.firstNew, this.#window);
      this.#window.move('above');
    }
    this.#store.setState({ aim: { at }, newBelow: this.#reading.countBelow(this.#window) });
  }
}
