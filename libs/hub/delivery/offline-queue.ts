import type { Broker } from '#libs/broker/broker.ts';
import { PAGE_BYTES, PAGE_MESSAGES } from '#libs/protocol/limits.ts';
import { isOwnMember, messageMember, messageStart, publishedAt } from '#libs/protocol/server-frame.ts';
import type { MessageStore, StoredMessage } from '#libs/store/message-store.ts';

const STREAM_PAGE = { count: PAGE_MESSAGES, bytes: PAGE_BYTES };

/** Where messages that wait are read: the store, and the stream for what is not stored yet. */
export interface OfflineSources {
  readonly messages: Pick<MessageStore, 'after'>;
  readonly broker: Pick<Broker, 'after'>;
}

export interface OfflineSpan {
  readonly room: string;
  /** The first message is the one above this offset. */
  readonly from: number;
  /** The highest offset that was asked for: there is nothing below it any more once the queue is empty. */
  readonly top: number;
  /** Since when the room keeps history, Unix milliseconds: what is older reached whoever was there, and waits for nobody. */
  readonly historyFrom: number;
  /** Whom they wait for. */
  readonly user: string;
  /** The messages of others up to here were sent before. */
  readonly sent: number;
  /** The user's own messages below this offset are not sent: they are older than this connection. */
  readonly ownFrom: number;
  /** Messages read from the store at a time. */
  readonly page: number;
}

interface OfflineItem {
  readonly offset: number;
  /** The publisher's stamp, Unix milliseconds. */
  readonly at: number;
  /** The frame's `message` member and its last brace. */
  readonly member: string;
}

/** A message that waits. */
interface Waiting extends OfflineItem {
  /** The user's own, from another device. */
  readonly own: boolean;
}

/**
 * The messages of one room that wait for a user, oldest first, read a page at a time.
 *
 * An offset that the store does not have, below one that it has, may be on its way there: its insert is under way, or its gateway died before it. It is
 * taken from the stream, or the cursor would go past it and nobody would be given it. What neither has was dropped for its age.
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
  #ownUpTo: number;
  #onlyOwn = true;
  #from: number;
  #items: Waiting[] = [];
  #next = 0;
  #ended = false;
  #abandoned = false;

  constructor(sources: OfflineSources, { room, from, top, historyFrom, user, sent, ownFrom, page }: OfflineSpan) {
    this.#sources = sources;
    this.room = room;
    this.top = top;
    this.#from = from;
    this.#page = page;
    this.#historyFrom = historyFrom;
    this.#user = user;
    this.#sent = sent;
    this.#ownFrom = ownFrom;
    this.#ownUpTo = from;
  }

  get head(): Waiting | undefined {
    return this.#items[this.#next];
  }

  /** Up to here there are only the user's own messages: the cursor may go there. */
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

  /** Reads the next page where none is left. Rejects with `HubError` `UNAVAILABLE`; what was read before stays as it is. */
  async fill(): Promise<void> {
    // A page of nothing that waits is passed over.
    while (this.head === undefined && !this.#ended) await this.#read();
  }

  async #read(): Promise<void> {
    const stored = await this.#sources.messages.after(this.room, this.#from, this.#page, PAGE_BYTES);
    const items: OfflineItem[] = [];
    let reached = this.#from;
    for (const message of stored) {
      // Above the top it may be newer than the loss of the room (R7). If the room was not lost, the next question finds it.
      const below = Math.min(message.offset, this.top + 1);
      if (below > reached + 1) items.push(...(await this.#unstored(reached, below)));
      reached = Math.max(reached, Math.min(message.offset, this.top));
      if (message.offset > this.top) break;
      items.push(itemOf(message));
    }
    this.#items = items
      .map((item) => this.#marked(item))
      .filter(({ offset, own }) => (own ? offset >= this.#ownFrom : offset > this.#sent));
    this.#next = 0;
    // A page ends at its bytes, too: the number of messages does not show the end.
    this.#ended = stored.length === 0 || reached >= this.top;
    this.#from = reached;
  }

  #marked(item: OfflineItem): Waiting {
    const own = isOwnMember(item.member, this.#user);
    this.#onlyOwn &&= own;
    if (this.#onlyOwn) this.#ownUpTo = item.offset;
    return { ...item, own };
  }

  /** What the stream has between two offsets. */
  async #unstored(above: number, below: number): Promise<OfflineItem[]> {
    const items: OfflineItem[] = [];
    for (let reached = above; reached + 1 < below; ) {
      const { publications } = await this.#sources.broker.after(this.room, reached, STREAM_PAGE);
      const before = reached;
      for (const { offset, frame } of publications) {
        if (offset >= below) break;
        reached = offset;
        const at = publishedAt(frame);
        if (at >= this.#historyFrom)
          items.push({ offset, at, member: Buffer.from(frame).toString('utf8', messageStart(this.room, offset)) });
      }
      if (reached === before) break;
    }
    return items;
  }
}

function itemOf({ offset, at, id, sender, text, data }: StoredMessage): OfflineItem {
  return { offset, at, member: messageMember(id, sender, text, data, at) };
}
