/**
 * The part of a room's messages that a page keeps: around the reader, and never more than a fixed
 * number. The hub has the rest.
 */

import type { Message, PlacedMessage, TimelineItem } from './timeline.ts';
import { Timeline } from './timeline.ts';

/** Items kept while the room is in view. */
const READING_MAX = 300;
/** Items kept of a room that is not in view. */
const AWAY_MAX = 100;
/**
 * Items kept above the end of a room without history: what is dropped at its end may not come
 * back, so nothing is dropped there.
 */
const UNSTORED_MAX = 1_000;
/** Messages in a page of older or newer ones. */
const PAGE = 50;
/** Messages in a page around the first new one: about half of them are new. */
const AROUND = 100;
/** How often the newest page is read, while more arrives than a page holds. */
const LATEST_TRIES = 5;

/** What the hub has beyond one side of the window. */
export type Beyond = 'none' | 'some' | 'loading' | 'failed';

/** `away`: the room is not in view. `end`: the newest message is in view. `above`: another one is. */
export type ReadingPlace = 'away' | 'end' | 'above';

interface MessagePage {
  readonly messages: readonly PlacedMessage[];
  /** Older messages exist. */
  readonly more: boolean;
}

interface MessageWindowOptions {
  /** Reads a page of the room below an offset, or the newest one. */
  readonly read: (options: { readonly before?: number; readonly limit: number }) => Promise<MessagePage>;
  /** Whether the room stores messages. If so, its offsets never fall (M3). */
  readonly keepsHistory: () => boolean;
  readonly onChange: () => void;
}

/**
 * The messages of a room around its reader.
 *
 * At the end of the room, new messages push the oldest ones out. If the reader is above the end,
 * they push themselves out: then the window is *detached*, `newer` says `some`, and a message that
 * arrives is only counted. Example: of the offsets 1 to 900, the window may have 200 to 499. Older
 * and newer pages are read from the hub.
 */
export class MessageWindow {
  readonly #options: MessageWindowOptions;
  readonly #timeline = new Timeline();
  #older: Beyond = 'none';
  #newer: Beyond = 'none';
  #place: ReadingPlace = 'away';
  #latest = 0;
  #newest: Message | undefined;
  #epoch: string | undefined;
  /** Counts replacements, so that a page for the window before is dropped. */
  #turn = 0;

  constructor(options: MessageWindowOptions) {
    this.#options = options;
  }

  /** The messages, for who keeps them after this window. */
  get timeline(): Timeline {
    return this.#timeline;
  }

  get items(): readonly TimelineItem[] {
    return this.#timeline.items;
  }

  get older(): Beyond {
    return this.#older;
  }

  /** `none`: the window reaches the newest message. */
  get newer(): Beyond {
    return this.#newer;
  }

  get place(): ReadingPlace {
    return this.#place;
  }

  /** Highest known offset, in the window or not. 0 if there is none. */
  get latest(): number {
    return this.#latest;
  }

  /** The newest known message, in the window or not. */
  get newest(): Message | undefined {
    return this.#newest;
  }

  /** Offset of the oldest message of the current sequence. Undefined if there is none. */
  get first(): number | undefined {
    return this.#timeline.first;
  }

  has(id: string): boolean {
    return this.#timeline.has(id);
  }

  /**
   * The number of messages above an offset that `me` did not write. Those that are not in the
   * window all count.
   */
  countNew(above: number, me: string): number {
    const { first, last } = this.#timeline;
    const shown = this.items.filter((item) => item.kind === 'message' && item.offset > above && item.message.from.id !== me).length;
    const before = this.#older === 'none' ? 0 : Math.max(0, (first ?? 0) - 1 - above);
    const after = this.#newer === 'none' ? 0 : Math.max(0, this.#latest - Math.max(last, above));
    return shown + before + after;
  }

  /** The reader moved, came or left. */
  move(place: ReadingPlace): void {
    if (place === this.#place) return;
    this.#place = place;
    if (place === 'away' && this.#newer !== 'none') void this.toLatest();
    this.#changed();
  }

  /** Takes the newest page, after a join. */
  enter(page: readonly PlacedMessage[], epoch: string | undefined): void {
    const goesOn = (this.#epoch === undefined || epoch === this.#epoch) && (page[0]?.offset ?? 0) <= this.#timeline.last + 1;
    if (this.items.length === 0 || goesOn) this.receive(page);
    else this.resync(page);
    this.#epoch = epoch;
    this.#measureOlder();
    this.#changed();
  }

  /** Adds messages. They may come in any order, and again. */
  receive(messages: readonly PlacedMessage[]): void {
    for (const { offset = 0, message } of messages) {
      if (offset >= this.#latest) this.#newest = message;
      this.#latest = Math.max(this.#latest, offset);
    }
    const { last } = this.#timeline;
    this.#timeline.add(this.#newer === 'none' ? messages : messages.filter(({ offset = 0 }) => offset <= last));
    this.#changed();
  }

  /** The room lost its sequence (M4). It continues with this page. */
  resync(page: readonly PlacedMessage[]): void {
    const stored = this.#options.keepsHistory();
    this.#epoch = undefined;
    // Offsets did not fall, so the window is still true. What is newer can be read.
    if (stored && this.#newer !== 'none' && this.#place !== 'away') this.receive(page);
    else this.#continueWith(page, stored);
  }

  #continueWith(page: readonly PlacedMessage[], stored: boolean): void {
    this.#turn += 1;
    if (this.#newer === 'none') this.#timeline.resync(page, stored);
    else this.#timeline.replace(page);
    this.#newer = 'none';
    this.#latest = this.#timeline.last;
    this.#newest = page.at(-1)?.message ?? this.#newest;
    this.#measureOlder();
    this.#changed();
  }

  /** Reads the page above the window. */
  async loadOlder(): Promise<void> {
    const { first: before } = this.#timeline;
    const full = !this.#options.keepsHistory() && this.items.length >= UNSTORED_MAX;
    if (before === undefined || full || this.#older === 'loading' || this.#older === 'none') return;
    await this.#load('older', async (isCurrent) => {
      const { messages, more } = await this.#options.read({ before, limit: PAGE });
      if (!isCurrent()) return;
      this.#timeline.add(messages);
      this.#older = more && messages.length > 0 ? 'some' : 'none';
    });
  }

  /** Reads the page below the window. The oldest messages make room for it. */
  async loadNewer(): Promise<void> {
    if (this.#newer === 'loading' || this.#newer === 'none') return;
    const { last } = this.#timeline;
    await this.#load('newer', async (isCurrent) => {
      // Offsets may belong to other events (M7). A page of those has nothing new.
      for (let before = last + 1 + PAGE, found = 0; found === 0; before += PAGE) {
        const { messages } = await this.#options.read({ before, limit: PAGE });
        if (!isCurrent()) return;
        found = this.#timeline.add(messages.filter(({ offset = 0 }) => offset > last)).length;
        this.#newer = this.#timeline.last < this.#latest && before <= this.#latest ? 'some' : 'none';
        if (this.#newer === 'none') break;
      }
      if (this.#timeline.keepNewest(READING_MAX)) this.#older = 'some';
    });
  }

  /** Goes to the first message above an offset. Rejects if it cannot be read. */
  async toOffset(above: number): Promise<void> {
    const { messages, more } = await this.#options.read({ before: above + 1 + AROUND / 2, limit: AROUND });
    const newest = messages.at(-1)?.offset;
    if (newest === undefined) return;
    this.#turn += 1;
    if (newest < (this.#timeline.first ?? 1) - 1) this.#timeline.replace(messages);
    else this.#timeline.add(messages);
    this.#older = more ? 'some' : 'none';
    this.#newer = this.#timeline.last < this.#latest ? 'some' : 'none';
    this.#changed();
  }

  /** Goes to the newest messages. Resolves also if they cannot be read: then `newer` says so. */
  async toLatest(): Promise<void> {
    if (this.#newer === 'none') return;
    await this.#load('newer', async (isCurrent) => {
      // More may arrive while a page is on its way.
      for (let tries = 0; tries === 0 || (this.#timeline.last < this.#latest && tries < LATEST_TRIES); tries += 1) {
        const { messages } = await this.#options.read({ limit: PAGE });
        if (!isCurrent()) return;
        this.#timeline.replace(messages);
      }
      this.#newer = this.#timeline.last < this.#latest ? 'some' : 'none';
      this.#measureOlder();
    });
  }

  async #load(side: 'older' | 'newer', task: (isCurrent: () => boolean) => Promise<void>): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    const isCurrent = () => turn === this.#turn;
    // The other side may have been loading. Its page is dropped.
    if (this.#older === 'loading') this.#older = 'some';
    if (this.#newer === 'loading') this.#newer = 'some';
    this.#set(side, 'loading');
    this.#options.onChange();
    try {
      await task(isCurrent);
    } catch {
      if (isCurrent()) this.#set(side, 'failed');
    }
    if (isCurrent()) this.#changed();
  }

  #set(side: 'older' | 'newer', state: Beyond): void {
    if (side === 'older') this.#older = state;
    else this.#newer = state;
  }

  /** Offsets begin at 1. If the first message has offset 1, there is nothing above it. */
  #measureOlder(): void {
    this.#older = (this.#timeline.first ?? 0) > 1 ? 'some' : 'none';
  }

  #changed(): void {
    this.#bound();
    this.#options.onChange();
  }

  #bound(): void {
    const stored = this.#options.keepsHistory();
    if (this.#place === 'above' && stored) {
      if (this.#timeline.keepOldest(READING_MAX) && this.#newer === 'none') this.#newer = 'some';
      return;
    }
    const most = this.#place === 'away' ? AWAY_MAX : this.#place === 'end' ? READING_MAX : UNSTORED_MAX;
    if (this.#timeline.keepNewest(most) && this.#older === 'none') this.#older = 'some';
  }
}
