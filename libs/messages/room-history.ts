/** History of rooms over HTTP. */
import { isManagedRoom } from '#libs/protocol/room-kinds.ts';
import { type MessageSources, pageBefore } from './message-page.ts';
import type { RoomAccess, RoomBearer } from './room-access.ts';

/** Options of `RoomHistory`. */
export interface RoomHistoryOptions extends MessageSources {
  readonly access: Pick<RoomAccess, 'read'>;
  /** Milliseconds of a steady clock. Default: the system's. */
  readonly steady?: () => number;
}

/** The most bytes of a page. A page has at least one message, whatever its size. */
const PAGE_MAX_BYTES = 1024 * 1024;

/**
 * If a read takes longer than this many milliseconds, access is checked again: a user must lose it
 * within two seconds (R7).
 */
const SLOW_READ_MS = 500;

/** Reads messages of a room for users who may read it. */
export class RoomHistory {
  readonly #options: RoomHistoryOptions;

  constructor(options: RoomHistoryOptions) {
    this.#options = options;
  }

  /**
   * Returns the JSON text of `{messages:[{offset,message}],more}`: the newest messages below
   * `before`, oldest first, as in the frame `history`.
   *
   * @throws HubError `FORBIDDEN` (also if the room does not exist), `ROOM_CLOSED`, `UNAVAILABLE`.
   */
  async page(reader: RoomBearer, room: string, before: number, limit: number): Promise<string> {
    const { access, steady = () => performance.now() } = this.#options;
    for (;;) {
      const asked = steady();
      const retention = await access.read(reader, room);
      const { items, more } = await pageBefore(this.#options, { room, retention, before, limit, bytes: PAGE_MAX_BYTES });
      const isSure = !isManagedRoom(room) || steady() - asked <= SLOW_READ_MS || (await access.read(reader, room)) === retention;
      if (isSure) return `{"messages":[${items.toString()}],"more":${more}}`;
    }
  }
}
