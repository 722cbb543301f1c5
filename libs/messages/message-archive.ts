/** The archive of a broker on the store (M2, M3, M4). */
import type { Archive, ArchivedPage, ArchivedPublication, Known } from '#libs/broker/archive.ts';
import type { PageLimit } from '#libs/broker/broker.ts';
import { eventTail } from '#libs/protocol/room-event.ts';
import { isArchivedRoom } from '#libs/protocol/room-kinds.ts';
import { messageTail } from '#libs/protocol/server-frame.ts';
import type { MessageStore, ReadMessage, StoredRoomEvent } from '#libs/store/message-store.ts';

/** Reads stored messages as publications. */
export class MessageArchive implements Archive {
  readonly #messages: Pick<MessageStore, 'top' | 'find' | 'after' | 'before'>;

  constructor(messages: Pick<MessageStore, 'top' | 'find' | 'after' | 'before'>) {
    this.#messages = messages;
  }

  /** Whether a room keeps history can change. So every room counts that may keep it. */
  holds(room: string): boolean {
    return isArchivedRoom(room);
  }

  top(room: string): Promise<number> {
    return this.#messages.top(room);
  }

  find(room: string, key: string): Promise<Known> {
    return this.#messages.find(room, key);
  }

  async after(room: string, offset: number, { count, bytes }: PageLimit): Promise<ArchivedPublication[]> {
    return (await this.#messages.after(room, offset, count, bytes)).map(publication);
  }

  async before(room: string, offset: number, { count, bytes }: PageLimit): Promise<ArchivedPage> {
    const { messages, more } = await this.#messages.before(room, offset, count, bytes);
    return { publications: messages.map(latestState), more };
  }
}

/** The finished frame, as it was published. */
function publication(entry: ReadMessage | StoredRoomEvent): ArchivedPublication {
  const { room, offset, epoch } = entry;
  if ('body' in entry) return { offset, epoch, frame: Buffer.from(`{"offset":${offset},${eventTail(room, entry.body)}`) };
  const { id, sender, text, data, at } = entry;
  return { offset, epoch, frame: Buffer.from(`{"offset":${offset},${messageTail(room, id, sender, text, data, at)}`) };
}

/** As `publication`, with the message's latest state. */
function latestState(message: ReadMessage): ArchivedPublication {
  const { room, change } = message;
  if (change === undefined) return publication(message);
  return { ...publication(message), change: Buffer.from(`{"offset":${change.offset},${eventTail(room, change.body)}`) };
}
