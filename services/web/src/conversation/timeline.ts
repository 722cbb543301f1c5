import type { Person } from '#libs/client/index.ts';

/** A message as the hub sends it. */
export interface Message {
  readonly id: string;
  readonly from: Person;
  readonly text: string;
  /** Unix milliseconds. */
  readonly at: number;
}

/** A message with its offset. Rooms that keep nothing have no offsets. */
export interface PlacedMessage {
  readonly offset?: number | undefined;
  readonly message: Message;
}

/** A message, a gap where messages may be missing, or the end of an earlier conversation. */
export type TimelineItem =
  | { readonly kind: 'message'; readonly id: string; readonly message: Message; readonly part: number; readonly offset: number }
  | { readonly kind: 'gap'; readonly id: string; readonly part: number }
  | { readonly kind: 'ended'; readonly id: string; readonly part: number; readonly at: number };

/**
 * The messages of a room in order, each once.
 *
 * Offsets order the messages of one *part*. If a room without history loses its sequence, its
 * offsets start again at 1. Then a new part begins, after a gap. Example: `[1, 2, gap, 1, 2]`. The
 * second 1 is not the first one.
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

  /** Offset of the oldest message of the current part. Undefined if there is none. */
  get first(): number | undefined {
    const found = this.#items.find((item) => item.kind === 'message' && item.part === this.#part);
    return found?.kind === 'message' ? found.offset : undefined;
  }

  /** Offset of the newest message of the current part. 0 if there is none. */
  get last(): number {
    const item = this.#items.at(-1);
    return item?.kind === 'message' && item.part === this.#part ? item.offset : 0;
  }

  /** Inserts messages at their offsets. Returns those that were new. */
  add(messages: readonly PlacedMessage[]): Message[] {
    const fresh = messages.filter(({ message }) => !this.#ids.has(message.id));
    for (const { message, offset } of fresh) this.#place(message, offset ?? this.last);
    return fresh.map(({ message }) => message);
  }

  /**
   * Takes the newest page after the room lost its sequence (M4). With `keepsHistory`, offsets never
   * fall: a page that continues the items is added, and one that leaves a hole replaces them,
   * because older pages can be loaded. Without it, the items stay and a gap follows them.
   */
  resync(page: readonly PlacedMessage[], keepsHistory: boolean): void {
    const oldest = page[0]?.offset ?? 0;
    if (!keepsHistory) this.#beginPart();
    else if (page.length > 0 && oldest > this.last + 1) this.#clear();
    this.add(page);
  }

  /** Keeps the newest `count` items. Returns true if it dropped any. */
  keepNewest(count: number): boolean {
    return this.#keep(this.#items.slice(-count));
  }

  /** Keeps the oldest `count` items. Returns true if it dropped any. */
  keepOldest(count: number): boolean {
    return this.#keep(this.#items.slice(0, count));
  }

  /** Replaces everything with another page of the same sequence. */
  replace(page: readonly PlacedMessage[]): void {
    this.#clear();
    this.add(page);
  }

  #keep(kept: TimelineItem[]): boolean {
    if (kept.length === this.#items.length) return false;
    this.#items = kept;
    this.#ids = new Set(kept.map(({ id }) => id));
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
    const index = this.#items.findLastIndex((item) => item.part < this.#part || item.kind !== 'message' || item.offset <= offset) + 1;
    this.#ids.add(message.id);
    this.#items = this.#items.toSpliced(index, 0, { kind: 'message', id: message.id, message, part: this.#part, offset });
  }
}
