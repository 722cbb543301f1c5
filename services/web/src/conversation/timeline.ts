import type { Person } from '#libs/client/index.ts';

/** A message as the hub sends it. */
export interface Message {
  readonly id: string;
  readonly from: Person;
  readonly text: string;
  /** Unix milliseconds. */
  readonly at: number;
}

/** A message and its place in the room; rooms that keep nothing have no places. */
export interface PlacedMessage {
  readonly offset?: number | undefined;
  readonly message: Message;
}

/** A message, or a place where messages may be missing. */
export type TimelineItem =
  | { readonly kind: 'message'; readonly id: string; readonly message: Message; readonly part: number; readonly offset: number }
  | { readonly kind: 'gap'; readonly id: string; readonly part: number };

/** More items than this are too many: the oldest are dropped while the end is in view, and scrolling up loads them again. */
const KEPT_MAX = 600;

/**
 * The messages of a room in its order, each once.
 *
 * Offsets order a *part*. If a room without history loses its sequence, its offsets begin again at 1: then another part begins, behind a gap.
 * Example: `[1, 2, gap, 1, 2]`. The second 1 is another message than the first.
 */
export class Timeline {
  #items: TimelineItem[] = [];
  #ids = new Set<string>();
  #part = 0;

  get items(): readonly TimelineItem[] {
    return this.#items;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Offset of the oldest message of the present part. Undefined if there is none. */
  get first(): number | undefined {
    const found = this.#items.find((item) => item.kind === 'message' && item.part === this.#part);
    return found?.kind === 'message' ? found.offset : undefined;
  }

  /** Offset of the newest message of the present part; 0 where there is none. */
  get last(): number {
    const item = this.#items.at(-1);
    return item?.kind === 'message' && item.part === this.#part ? item.offset : 0;
  }

  /** Adds messages at their places. Returns those that were new. */
  add(messages: readonly PlacedMessage[]): Message[] {
    const fresh = messages.filter(({ message }) => !this.#ids.has(message.id));
    for (const { message, offset } of fresh) this.#place(message, offset ?? this.last);
    return fresh.map(({ message }) => message);
  }

  /**
   * Takes the latest page of the room after its sequence was lost (M4). With `keepsHistory` offsets never fall: a page that follows on is added,
   * and one that leaves something out replaces all items, as older pages can be loaded. Without it the items stay, behind a gap.
   */
  resync(page: readonly PlacedMessage[], keepsHistory: boolean): void {
    const oldest = page[0]?.offset ?? 0;
    if (!keepsHistory) this.#beginPart();
    else if (page.length > 0 && oldest > this.last + 1) this.#clear();
    this.add(page);
  }

  /** Drops the oldest items if there are too many. True if it did. */
  trim(): boolean {
    const cut = this.#items.length > KEPT_MAX ? this.#items.slice(0, this.#items.length - KEPT_MAX) : [];
    if (cut.length === 0) return false;
    for (const { id } of cut) this.#ids.delete(id);
    this.#items = this.#items.slice(cut.length);
    return true;
  }

  #clear(): void {
    this.#items = [];
    this.#ids.clear();
  }

  #beginPart(): void {
    if (this.#items.length === 0) return;
    this.#part += 1;
    this.#items = [...this.#items, { kind: 'gap', id: `gap-${this.#part}`, part: this.#part }];
  }

  #place(message: Message, offset: number): void {
    const index = this.#items.findLastIndex((item) => item.part < this.#part || item.kind === 'gap' || item.offset <= offset) + 1;
    this.#ids.add(message.id);
    this.#items = this.#items.toSpliced(index, 0, { kind: 'message', id: message.id, message, part: this.#part, offset });
  }
}
