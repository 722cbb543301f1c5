/** What a reader of a room has seen, and where the new messages begin. */

import type { MessageWindow } from './message-window.ts';

/** What is new in a room that a person opens. One of the two may be missing. */
export interface News {
  /** Messages of others. Undefined: all above `above`. */
  readonly count?: number | undefined;
  /** Highest offset that is not new. Undefined if it is not known. */
  readonly above?: number | undefined;
}

/** Where the new messages begin. */
interface Beginning {
  /** The number of new messages, if the first of them is above the window. Otherwise 0. */
  readonly newAbove: number;
  /** Id of the first new message, if it is in the window. */
  readonly firstNew: string | undefined;
  /** The room was opened just now: the view goes there. */
  readonly isOpening: boolean;
}

/** The reader of one room. `me`: their id. */
export class Reading {
  readonly #me: string;
  #news: News | undefined;
  #isOpening = false;
  /** Highest offset that the reader has seen. */
  #seen = 0;

  constructor(me: string) {
    this.#me = me;
  }

  /** The person opens the room. */
  begin(news: News): void {
    this.#news = news.count === 0 ? undefined : news;
    this.#isOpening = true;
  }

  /** Nothing is new any more: the person wrote, or left. */
  settle(): void {
    this.#news = undefined;
  }

  /** Another room begins. */
  restart(): void {
    this.#news = undefined;
    this.#seen = 0;
  }

  /** A message is in view, by id. */
  see(id: string | undefined, { items }: MessageWindow): void {
    const item = id === undefined ? undefined : items.find((one) => one.id === id);
    if (item?.kind === 'message') this.#seen = Math.max(this.#seen, item.offset);
  }

  /** The reader goes to a new message: it and what follows are not seen yet. */
  goTo(id: string | undefined, { items }: MessageWindow): void {
    const item = items.find((one) => one.id === id);
    if (item?.kind === 'message') this.#seen = item.offset - 1;
  }

  /** The offset above which the news begin, exactly or about. Undefined if nothing is new. */
  startOf({ latest }: MessageWindow): number | undefined {
    return this.#news && (this.#news.above ?? Math.max(0, latest - (this.#news.count ?? 0)));
  }

  /** The number of messages of others below what the reader has seen. */
  countBelow(window: MessageWindow): number {
    if (window.place === 'end' && window.newer === 'none') this.#seen = window.latest;
    return window.place === 'above' ? window.countNew(this.#seen, this.#me) : 0;
  }

  /** Looks for the first new message. Undefined if nothing is new. */
  find(window: MessageWindow): Beginning | undefined {
    const { older, first = 1, items, latest } = window;
    if (this.#news === undefined) return undefined;
    const { above, count = window.countNew(above ?? latest, this.#me) } = this.#news;
    if (count === 0) return undefined;
    const others = items.filter((item) => item.kind === 'message' && item.message.from.id !== this.#me);
    const fresh = above === undefined ? others.slice(-count) : others.filter((item) => item.kind === 'message' && item.offset > above);
    const isBeyond = older !== 'none' && (above === undefined ? others.length < count : first > above + 1);
    const isOpening = this.#isOpening;
    this.#isOpening = false;
    return isBeyond ? { newAbove: count, firstNew: undefined, isOpening } : { newAbove: 0, firstNew: fresh[0]?.id, isOpening };
  }
}
