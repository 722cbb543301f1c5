import type { Broker } from '#libs/broker/broker.ts';
import { isManagedRoom } from '#libs/protocol/room-kinds.ts';
import { messageMember, messageStart } from '#libs/protocol/server-frame.ts';
import type { MessageStore, StoredMessage } from '#libs/store/message-store.ts';
import { Retention, type RoomAccess, type RoomBearer } from './room-access.ts';

export interface RoomHistoryOptions {
  readonly access: Pick<RoomAccess, 'read'>;
  readonly messages: Pick<MessageStore, 'before'>;
  readonly broker: Pick<Broker, 'before'>;
  /** Milliseconds of a steady clock. Default the system's. */
  readonly now?: () => number;
}

/** Bytes of one page, yet always one message. */
const PAGE_MAX_BYTES = 1024 * 1024;

/** After a read that took longer, milliseconds, it is asked again whether the reader may have it: access is lost within two seconds (R7). */
const SLOW_READ_MS = 500;

/** What was said in a room, for whoever may read it: from the store where the room keeps history, else from what its stream still has. */
export class RoomHistory {
  readonly #options: RoomHistoryOptions;

  constructor(options: RoomHistoryOptions) {
    this.#options = options;
  }

  /**
   * The JSON text of `{messages:[{offset,message}],more}`: the newest messages below `before`, oldest first, as in the frame `history`.
   * @throws HubError `FORBIDDEN` (also where there is no such room), `ROOM_CLOSED`, `UNAVAILABLE`.
   */
  async page(reader: RoomBearer, room: string, before: number, limit: number): Promise<string> {
    const { access, now = () => performance.now() } = this.#options;
    for (;;) {
      const asked = now();
      const keeps = await access.read(reader, room);
      const page = await this.#read(room, keeps, before, limit);
      if (!isManagedRoom(room) || now() - asked <= SLOW_READ_MS || (await access.read(reader, room)) === keeps) return page;
    }
  }

  async #read(room: string, retention: Retention, before: number, limit: number): Promise<string> {
    const { messages, broker } = this.#options;
    if (retention === Retention.none) return pageText([], false);
    if (retention === Retention.history) {
      const page = await messages.before(room, before, limit, PAGE_MAX_BYTES);
      return pageText(page.messages.map(storedItem), page.more);
    }
    const page = await broker.before(room, before, { count: limit, bytes: PAGE_MAX_BYTES });
    const items = page.publications.map(({ offset, frame }) => {
      const message = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength).toString('utf8', messageStart(room, offset));
      return `{"offset":${offset},${message}`;
    });
    return pageText(items, page.more);
  }
}

function pageText(items: readonly string[], more: boolean): string {
  return `{"messages":[${items.join()}],"more":${more}}`;
}

function storedItem({ offset, id, sender, text, data, at }: StoredMessage): string {
  return `{"offset":${offset},${messageMember(id, sender, text, data, at)}`;
}
