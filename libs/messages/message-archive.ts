/** The store, as a broker asks of it (M2, M3, M4). */
import type { Archive, ArchivedPage, ArchivedPublication, Known } from '#libs/broker/archive.ts';
import type { PageLimit } from '#libs/broker/broker.ts';
import { isArchivedRoom } from '#libs/protocol/room-kinds.ts';
import { messageTail } from '#libs/protocol/server-frame.ts';
import type { MessageStore, StoredMessage } from '#libs/store/message-store.ts';

export class MessageArchive implements Archive {
  readonly #messages: Pick<MessageStore, 'top' | 'find' | 'after' | 'before'>;

  constructor(messages: Pick<MessageStore, 'top' | 'find' | 'after' | 'before'>) {
    this.#messages = messages;
  }

  /** Whether a room keeps history can change, so that all count that may. */
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
    return { publications: messages.map(publication), more };
  }
}

/** The finished frame, as it was published. */
function publication({ room, offset, epoch, id, sender, text, data, at }: StoredMessage): ArchivedPublication {
  const frame = Buffer.from(`{"offset":${offset},${messageTail(room, id, sender, text, data, at)}`);
  return { offset, epoch, frame };
}
