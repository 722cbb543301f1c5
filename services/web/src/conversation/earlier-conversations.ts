import type { ParleyClient } from '#libs/client/index.ts';
import { codeOf } from './error-code.ts';
import type { Beyond } from './message-window.ts';
import { Timeline, type TimelineItem } from './timeline.ts';

/** A conversation of the same customer that has ended. */
export interface EndedConversation {
  readonly room: string;
  /** Unix milliseconds. */
  readonly endedAt: number;
}

/** Finds the ended conversations of the customer, the newest first. May reject. */
export type FindEnded = () => Promise<readonly EndedConversation[]>;

interface Part {
  readonly conversation: EndedConversation;
  readonly timeline: Timeline;
  /** Whether the hub has messages above those of the timeline. */
  more: boolean;
}

/** Messages in a page. */
const PAGE = 50;

/** Codes of conversations that I may not read, or that the hub has dropped. */
const PASSED_OVER: ReadonlySet<string> = new Set(['FORBIDDEN', 'ROOM_NOT_FOUND', 'ROOM_CLOSED']);

/** The messages of a customer's ended conversations, above those of the present one. */
export class EarlierConversations {
  readonly #find: FindEnded;
  readonly #client: Pick<ParleyClient, 'history'>;
  /** The oldest first. */
  readonly #parts: Part[] = [];
  /** Not loaded yet, the newest first. Undefined before the hub was asked. */
  #unread: EndedConversation[] | undefined;
  #reading: 'idle' | 'loading' | 'failed' = 'idle';

  constructor(find: FindEnded, client: Pick<ParleyClient, 'history'>) {
    this.#find = find;
    this.#client = client;
  }

  /** Whether the hub was asked, or one of its conversations has ended here. */
  get known(): boolean {
    return this.#unread !== undefined || this.#parts.length > 0;
  }

  /** What the hub has above the messages here, as far as it was asked. */
  get state(): Beyond {
    if (this.#reading !== 'idle') return this.#reading;
    return this.#parts[0]?.more === true || (this.#unread?.length ?? 0) > 0 ? 'some' : 'none';
  }

  /** Reads the next older page, or only whether there is one. Never rejects: `state` tells. */
  async read(what: 'count' | 'page', onChange: () => void): Promise<void> {
    if (this.#reading === 'loading') return;
    this.#reading = 'loading';
    onChange();
    try {
      await (what === 'page' ? this.#load() : this.#look());
      this.#reading = 'idle';
    } catch {
      this.#reading = 'failed';
    }
    onChange();
  }

  /** Asks the hub, once, whether there are messages to load. Rejects as the search does. */
  async #look(): Promise<void> {
    this.#unread ??= await this.#others();
  }

  /** The messages, the oldest first. A line follows those of each conversation. */
  get items(): readonly TimelineItem[] {
    return this.#parts.flatMap(({ conversation: { room, endedAt }, timeline }): TimelineItem[] =>
      timeline.items.length === 0 ? [] : [...timeline.items, { kind: 'ended', id: `ended-${room}`, part: 0, at: endedAt }],
    );
  }

  /** Adds a conversation that has just ended. */
  push(conversation: EndedConversation, timeline: Timeline, more: boolean): void {
    this.#parts.push({ conversation, timeline, more });
  }

  /** Loads the next older page. Rejects like the client's `history`, or as the search does. */
  async #load(): Promise<void> {
    await this.#look();
    const oldest = this.#parts[0];
    if (oldest?.more === true) return this.#loadInto(oldest);
    for (let next = this.#unread?.[0]; next !== undefined; next = this.#unread?.[0]) {
      const part = { conversation: next, timeline: new Timeline(), more: false };
      try {
        await this.#loadInto(part);
      } catch (error) {
        if (!PASSED_OVER.has(codeOf(error))) throw error;
      }
      this.#unread?.shift();
      if (part.timeline.items.length === 0) continue;
      this.#parts.unshift(part);
      return;
    }
  }

  async #others(): Promise<EndedConversation[]> {
    const found = await this.#find();
    return found.filter(({ room }) => this.#parts.every(({ conversation }) => conversation.room !== room));
  }

  async #loadInto(part: Part): Promise<void> {
    const before = part.timeline.first;
    const page = await this.#client.history(part.conversation.room, { limit: PAGE, ...(before === undefined ? {} : { before }) });
    part.timeline.add(page.messages);
    part.more = page.more && page.messages.length > 0;
  }
}
