/** The newest publications of a room, kept on the node so that a join seldom asks Redis. */
import type { Publication } from '#libs/broker/broker.ts';
import { PAGE_BYTES, PAGE_MESSAGES } from '#libs/protocol/limits.ts';
import { isMessageFrame } from '#libs/protocol/server-frame.ts';

/** Bytes all rooms of a node may keep together; beyond it a room keeps only `TIGHT_MESSAGES`. */
export interface RecentBudget {
  bytes: number;
  readonly max: number;
}

const TIGHT_MESSAGES = 10;

/**
 * A ring of at most one page (100 messages, 64 KiB) up to the newest publication. The first page
 * may have holes, if messages were never stored. Pushed publications are contiguous. The ring holds
 * copies of what a broker hands over as views of its read buffer.
 */
export class RecentPage {
  #items: Publication[] = [];
  #first = 0;
  #bytes = 0;
  /** Offset of the room's newest publication. */
  #top = 0;
  /** True if frames were dropped for lack of budget: the ring may be less than the latest page. */
  #cut = false;
  /** The number of items that are no messages (M7). */
  #events = 0;
  readonly #budget: RecentBudget;

  constructor(budget: RecentBudget) {
    this.#budget = budget;
  }

  /**
   * Starts again from a page whose frames the caller owns. `top`: the room's newest offset; the
   * page may end below it.
   */
  reset(latest: readonly Publication[], top = latest.at(-1)?.offset ?? 0): void {
    this.clear();
    this.#top = top;
    this.#cut = false;
    for (const item of latest) this.#add(item);
  }

  clear(): void {
    this.#budget.bytes -= this.#bytes;
    this.#items = [];
    this.#first = 0;
    this.#bytes = 0;
    this.#events = 0;
  }

  /** @param isLasting Whether the bytes never change: then they are not copied. */
  push(offset: number, frame: Uint8Array, isLasting = false): void {
    this.#top = offset;
    this.#add({ offset, frame: isLasting ? frame : Buffer.from(frame) });
    const length = this.#items.length - this.#first;
    if (this.#budget.bytes > this.#budget.max) {
      for (let excess = length - TIGHT_MESSAGES; excess > 0; excess -= 1) this.#drop();
      this.#cut ||= length > TIGHT_MESSAGES;
    } else if (length > PAGE_MESSAGES) this.#drop();
    while (this.#bytes > PAGE_BYTES && this.#items.length - this.#first > 1) this.#drop();
    if (this.#cut && this.#items.length - this.#first === PAGE_MESSAGES) this.#cut = false;
  }

  /**
   * The latest page, oldest first; undefined if the ring holds less. Events that are no messages
   * take the place of older messages.
   */
  latest(): readonly Publication[] | undefined {
    return this.#cut || this.#events > 0 ? undefined : this.#items.slice(this.#first);
  }

  /**
   * The items of the ring, oldest first: perhaps less than the latest page, and also events that
   * are no messages.
   */
  kept(): readonly Publication[] {
    return this.#items.slice(this.#first);
  }

  /**
   * Everything above `offset`; undefined if the ring does not reach back that far without a hole.
   */
  after(offset: number): readonly Publication[] | undefined {
    if (offset >= this.#top) return [];
    // Offsets rise by one: if the first one is in its place, none is missing after it.
    const start = this.#items.length - (this.#top - offset);
    return start >= this.#first && this.#items[start]?.offset === offset + 1 ? this.#items.slice(start) : undefined;
  }

  #add(item: Publication): void {
    this.#items.push(item);
    if (!isMessageFrame(item.frame)) this.#events += 1;
    this.#bytes += sizeOf(item);
    this.#budget.bytes += sizeOf(item);
  }

  #drop(): void {
    const oldest = this.#items[this.#first];
    if (oldest === undefined) return;
    this.#bytes -= sizeOf(oldest);
    this.#budget.bytes -= sizeOf(oldest);
    if (!isMessageFrame(oldest.frame)) this.#events -= 1;
    this.#first += 1;
    // Compacting once a page keeps the cost of a drop constant; until then the dropped frames stay
    // referenced, at most a page of them.
    if (this.#first >= PAGE_MESSAGES) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
  }
}

function sizeOf({ frame, change }: Publication): number {
  return frame.length + (change?.length ?? 0);
}
