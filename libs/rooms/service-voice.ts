import type { MessageWriter, Written } from '#libs/hub/message-writer.ts';
import { Keeps, type RoomPass } from '#libs/hub/room-access.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { isPrivateRoom, RoomKind, roomKind } from '#libs/protocol/room-name.ts';
import type { RoomMember, RoomStore } from '#libs/store/store.ts';

export interface ServiceVoiceOptions {
  readonly rooms: Pick<RoomStore, 'standing'>;
  readonly writer: Pick<MessageWriter, 'write'>;
}

export interface ServiceWords {
  readonly room: string;
  /** Whose words they are to look like; it need not be a member. */
  readonly sender: RoomMember;
  readonly clientId: string | undefined;
  readonly text: string;
  /** Any JSON value, or undefined. */
  readonly data: unknown;
}

/** Says what services say (A11): in every room that is open, under the rules of every message (M1, M2, F2). */
export class ServiceVoice {
  readonly #options: ServiceVoiceOptions;

  constructor(options: ServiceVoiceOptions) {
    this.#options = options;
  }

  /** @throws HubError `ROOM_NOT_FOUND`, `ROOM_CLOSED` (rooms that the hub makes), and as `MessageWriter.write`; RangeError. */
  async say({ room, sender: { id, name }, clientId, text, data }: ServiceWords): Promise<Written> {
    const pass = await this.#pass(room);
    const json = data === undefined ? undefined : JSON.stringify(data);
    return this.#options.writer.write({ pass, userId: id, sender: JSON.stringify({ id, name }), clientId, text, data: json });
  }

  async #pass(room: string): Promise<RoomPass> {
    switch (roomKind(room)) {
      case RoomKind.park:
        return { room, keeps: Keeps.history, members: undefined };
      case RoomKind.open:
        return { room, keeps: Keeps.stream, members: undefined };
      case RoomKind.live:
        return { room, keeps: Keeps.none, members: undefined };
      case RoomKind.made: {
        const found = await this.#options.rooms.standing(room);
        if (found === undefined) throw new HubError('ROOM_NOT_FOUND');
        if (found.room.closedAt !== undefined) throw new HubError('ROOM_CLOSED');
        return {
          room,
          keeps: found.room.keepHistory ? Keeps.history : Keeps.stream,
          members: isPrivateRoom(room) ? found.privateMembers : undefined,
        };
      }
    }
  }
}
