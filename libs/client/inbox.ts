import type { ChatMessage, OfflineMessageFrame, PageMessage } from '#libs/protocol/frame-types.ts';
import type { MessageEvent, MessageOrigin } from './client-events.ts';
import type { Deliveries } from './deliveries.ts';
import { isManagedRoom } from './room-kinds.ts';

/** Ids that are remembered for each room. */
const REMEMBERED = 2000;

/** The messages that were handed over, by id. All copies of a message have the same id (M2). */
class SeenMessages {
  readonly #rooms = new Map<string, Set<string>>();

  /** Remembers a message. Returns false if it is known. */
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

/** Hands each message to the application once, however its copies come. */
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

  /** A page that the application gets as the answer to its join. */
  page(room: string, messages: readonly PageMessage[]): void {
    for (const { message } of messages) this.#seen.add(room, message.id);
    const last = messages.at(-1);
    if (last !== undefined) this.#deliveries.handed(room, last.offset);
  }

  /** The room's sequence goes on from this offset. The application gets the page as a whole. */
  goesOn(room: string, offset: number, messages: readonly PageMessage[]): void {
    this.#deliveries.goesOn(room, offset);
    this.page(room, messages);
  }

  /** The room was left. Waiting messages of a managed room may still come. */
  left(room: string): void {
    if (!isManagedRoom(room)) this.#seen.forget(room);
  }

  /** The room is closed. */
  closed(room: string): void {
    this.#seen.forget(room);
    this.#deliveries.forget(room);
  }

  /** Another user is logged in. */
  newUser(): void {
    this.#seen.clear();
    this.#deliveries.clear();
  }
}
