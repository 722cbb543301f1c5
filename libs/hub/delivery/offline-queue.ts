import type { Broker } from '#libs/broker/broker.ts';
import { latestStateOf } from '#libs/messages/message-page.ts';
import { PAGE_BYTES, PAGE_MESSAGES } from '#libs/protocol/limits.ts';
import { type EventTarget, eventTail, type MessageState, targetOfEvent } from '#libs/protocol/room-event.ts';
import { buildFrame, isMessageFrame, isOwnMessage, itemStart, JsonText, messageOf, publishedAt } from '#libs/protocol/server-frame.ts';
import type { MessageStore } from '#libs/store/message-store.ts';

const STREAM_PAGE = { count: PAGE_MESSAGES, bytes: PAGE_BYTES };

/** Reads waiting messages: from the store, and from the stream if they are not stored yet. */
export interface OfflineSources {
  readonly messages: Pick<MessageStore, 'after'>;
  readonly broker: Pick<Broker, 'after'>;
}

export interface OfflineSpan {
  readonly room: string;
  /** The first message is the one above this offset. */
  readonly from: number;
  /**
   * The highest offset that was asked for: there is nothing below it any more once the queue is
   * empty.
   */
  readonly top: number;
  /**
   * Since when the room keeps history, Unix milliseconds: what is older reached whoever was there,
   * and waits for nobody.
   */
  readonly historyFrom: number;
  /** Whom they wait for. */
  readonly user: string;
  /** The messages of others up to here were sent before. */
  readonly sent: number;
  /**
   * The user's own messages below this offset are not sent: they are older than this connection.
   */
  readonly ownFrom: number;
  /** Messages read from the store at a time. */
  readonly page: number;
  /** The connection gets all events of the log, not messages alone (M7). */
  readonly wantsEvents: boolean;
}

/** An entry of a room's log. */
interface OfflineItem {
  readonly offset: number;
  /** The publisher's stamp, Unix milliseconds. */
  readonly at: number;
  /** The finished frame. */
  readonly frame: string;
  readonly isMessage: boolean;
  /** The user's own message, from another device. */
  readonly own: boolean;
  /** The message whose state it brings, and the version of that. */
  readonly state: EventTarget;
}

/**
 * The messages of one room that wait for a user, oldest first, read a page at a time.
 *
 * An offset that the store does not have, below one that it has, may be on its way there: its
 * insert is under way, or its gateway died before it. It is taken from the stream, or the cursor
 * would go past it and nobody would be given it. What neither has was dropped for its age.
 *
 * Messages come in their latest state. An event that changes one of them comes only if it brings a
 * newer state, so mostly for messages that were delivered before.
 */
export class OfflineQueue {
  readonly room: string;
  readonly top: number;
  readonly #sources: OfflineSources;
  readonly #page: number;
  readonly #historyFrom: number;
  readonly #user: string;
  readonly #sent: number;
  readonly #ownFrom: number;
  readonly #wantsEvents: boolean;
  #ownUpTo: number;
  #onlyOwn = true;
  #from: number;
  #items: OfflineItem[] = [];
  /** Versions of the messages that were given out with a changed state. */
  readonly #versions = new Map<number, number>();
  #next = 0;
  #ended = false;
  #abandoned = false;

  constructor(sources: OfflineSources, { room, from, top, historyFrom, user, sent, ownFrom, page, wantsEvents }: OfflineSpan) {
    this.#sources = sources;
    this.room = room;
    this.top = top;
    this.#from = from;
    this.#page = page;
    this.#historyFrom = historyFrom;
    this.#user = user;
    this.#sent = sent;
    this.#ownFrom = ownFrom;
    this.#wantsEvents = wantsEvents;
    this.#ownUpTo = from;
  }

  get head(): OfflineItem | undefined {
    return this.#items[this.#next];
  }

  /**
   * Up to here there are only the user's own messages, and events that the connection does not get:
   * the cursor may go there.
   */
  get ownUpTo(): number {
    return this.#ownUpTo;
  }

  /** It was given up before its end. */
  get abandoned(): boolean {
    return this.#abandoned;
  }

  shift(): void {
    this.#next += 1;
  }

  /** Gives up what is left. Not while `fill` is under way. */
  abandon(): void {
    this.#abandoned = true;
    this.#ended = true;
    this.#items = [];
  }

  /**
   * Reads the next page where none is left. Rejects with `HubError` `UNAVAILABLE`; what was read
   * before stays as it is.
   */
  async fill(): Promise<void> {
    // A page of nothing that waits is passed over.
    while (this.head === undefined && !this.#ended) await this.#read();
  }

  async #read(): Promise<void> {
    const stored = await this.#sources.messages.after(this.room, this.#from, this.#page, PAGE_BYTES);
    const items: OfflineItem[] = [];
    let reached = this.#from;
    for (const entry of stored) {
      // Above the top it may be newer than the loss of the room (R7). If the room was not lost, the
      // next question finds it.
      const below = Math.min(entry.offset, this.top + 1);
      if (below > reached + 1) items.push(...(await this.#unstored(reached, below)));
      reached = Math.max(reached, Math.min(entry.offset, this.top));
      if (entry.offset > this.top) break;
      items.push(
        'body' in entry ? this.#event(entry.offset, entry.at, entry.body) : this.#messageItem(entry.offset, entry.at, latestStateOf(entry)),
      );
    }
    this.#items = items.filter((item) => this.#waits(item));
    this.#next = 0;
    // A page ends at its bytes, too: the number of messages does not show the end.
    this.#ended = stored.length === 0 || reached >= this.top;
    this.#from = reached;
  }

  #waits({ offset, isMessage, own, state }: OfflineItem): boolean {
    this.#onlyOwn &&= isMessage ? own : !this.#wantsEvents;
    if (this.#onlyOwn) this.#ownUpTo = offset;
    if (!isMessage) return this.#wantsEvents && offset > this.#sent && !this.#isKnown(state);
    const waits = own ? offset >= this.#ownFrom : offset > this.#sent;
    if (waits && state.version > 0) this.#versions.set(offset, state.version);
    return waits;
  }

  #isKnown({ offset, version }: EventTarget): boolean {
    return offset > 0 && version <= (this.#versions.get(offset) ?? 0);
  }

  #messageItem(offset: number, at: number, { message, version }: MessageState): OfflineItem {
    const state = version === 0 ? undefined : version;
    const frame = buildFrame('offline_message', { room: this.room, offset, message: new JsonText(message), version: state });
    return { offset, at, frame, isMessage: true, own: isOwnMessage(message, this.#user), state: { offset, version } };
  }

  #event(offset: number, at: number, event: string): OfflineItem {
    const frame = `{"offset":${offset},${eventTail(this.room, event)}`;
    return { offset, at, frame, isMessage: false, own: false, state: targetOfEvent(event) ?? { offset: 0, version: 0 } };
  }

  /** Reads the entries of the stream between two offsets. */
  async #unstored(above: number, below: number): Promise<OfflineItem[]> {
    const items: OfflineItem[] = [];
    for (let reached = above; reached + 1 < below; ) {
      const { publications } = await this.#sources.broker.after(this.room, reached, STREAM_PAGE);
      const before = reached;
      for (const { offset, frame } of publications) {
        if (offset >= below) break;
        reached = offset;
        const at = publishedAt(frame);
        if (at < this.#historyFrom) continue;
        const item = Buffer.from(frame).toString('utf8', itemStart(this.room, frame));
        items.push(
          isMessageFrame(frame)
            ? this.#messageItem(offset, at, { message: messageOf(item).text, version: 0 })
            : this.#event(offset, at, item.slice('"event":'.length, -1)),
        );
      }
      if (reached === before) break;
    }
    return items;
  }
}
