import type { ChatMessage, OfflineMessageFrame, PageMessage } from '#libs/protocol/frame-types.ts';
import type { MessageEvent, MessageOrigin } from './client-events.ts';
import type { Deliveries } from './deliveries.ts';
import { isManagedRoom } from './room-kinds.ts';

/** Ids remembered of each room. */
const REMEMBERED = 2000;

/** Which messages were handed over already, by the id that every copy of a message shares (M2). */
class SeenMessages {
  readonly #rooms = new Map<string, Set<string>>();

  /** Remembers a message; false if it was known. */
  add(room: string, id: string): boolean {
    const ids = this.#rooms.get(room) ?? new Set();
    if (ids.has(id)) return false;
    ids.add(id);
    this.#rooms.set(room, ids);
    if (ids.size > REMEMBERED) {
      const [oldest] = ids;
      if (oldest !== undefined) ids.delete(oldest);
    }
    return true;
  }

  clear(): void {
    this.#rooms.clear();
  }

  forget(room: string): void {
    this.#rooms.delete(room);
  }
}

/** Hands each message over once, whatever way its copies come. */
export class Inbox {
  readonly #seen = new SeenMessages();
  readonly #deliveries: Deliveries;
  readonly #hand: (event: MessageEvent) => void;

  constructor(deliveries: Deliveries, hand: (event: MessageEvent) => void) {
    this.#deliveries = deliveries;
    this.#hand = hand;
  }

  take(room: string, offset: number | undefined, message: ChatMessage, origin: MessageOrigin): void {
    if (this.#seen.add(room, message.id)) this.#hand({ room, ...(offset === undefined ? {} : { offset }), message, origin });
    if (offset !== undefined) this.#deliveries.handed(room, offset);
  }

  /** A message that waited for a user without a session. */
  waited({ room, offset, message }: OfflineMessageFrame): void {
    this.#deliveries.waited(room, offset);
    this.take(room, offset, message, 'offline');
  }

  /** A page that is handed over as a whole, in the answer to a join. */
  page(room: string, messages: readonly PageMessage[]): void {
    for (const { message } of messages) this.#seen.add(room, message.id);
    const last = messages.at(-1);
    if (last !== undefined) this.#deliveries.handed(room, last.offset);
  }

  /** The room's sequence goes on from this offset, and this is its latest page: it is handed over as a whole. */
  goesOn(room: string, offset: number, messages: readonly PageMessage[]): void {
    this.#deliveries.goesOn(room, offset);
    this.page(room, messages);
  }

  /** The room was left. What waits of a made one may still come. */
  left(room: string): void {
    if (!isManagedRoom(room)) this.#seen.forget(room);
  }

  /** The room is no more. */
  closed(room: string): void {
    this.#seen.forget(room);
    this.#deliveries.forget(room);
  }

  /** Somebody else is logged in. */
  newUser(): void {
    this.#seen.clear();
    this.#deliveries.clear();
  }
}
