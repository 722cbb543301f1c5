import type { MessageWriter, Written } from '#libs/messages/message-writer.ts';
import { type Membership, Retention } from '#libs/messages/room-access.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { Person } from '#libs/protocol/frame-types.ts';
import { isPrivateRoom, roomPolicy } from '#libs/protocol/room-kinds.ts';
import { personJson } from '#libs/protocol/server-frame.ts';
import type { RoomStore } from '#libs/store/room-store.ts';
import type { Tracer } from '#libs/telemetry/tracer.ts';
import type { PersonKinds } from './people.ts';

/** Dependencies of `ServicePublisher`. */
export interface ServicePublisherOptions {
  readonly rooms: Pick<RoomStore, 'standing'>;
  readonly writer: Pick<MessageWriter, 'write'>;
  readonly kinds: Pick<PersonKinds, 'of'>;
  /** Undefined: traces are off. */
  readonly tracer?: Tracer | undefined;
}

/** A message that a service publishes. */
export interface ServiceMessage {
  readonly room: string;
  /**
   * The sender of the message; need not be a member. Without a kind it gets the kind that the hub
   * knows, or else `service`.
   */
  readonly sender: Person;
  readonly clientId: string | undefined;
  readonly text: string;
  /** Any JSON value, or undefined. */
  readonly data: unknown;
}

/**
 * Publishes messages of services (A11), in every open room, under the rules of every message (M1,
 * M2, F2).
 */
export class ServicePublisher {
  readonly #options: ServicePublisherOptions;

  constructor(options: ServicePublisherOptions) {
    this.#options = options;
  }

  /**
   * @throws HubError `ROOM_NOT_FOUND`, `ROOM_CLOSED` (managed rooms), and as `MessageWriter.write`;
   * RangeError.
   */
  async publish({ room, sender, clientId, text, data }: ServiceMessage): Promise<Written> {
    const { kinds, writer, tracer } = this.#options;
    const span = tracer?.active;
    const { id, name } = sender;
    const [membership, kind] = await Promise.all([this.#membership(room), sender.kind ?? kinds.of(id)]);
    const json = data === undefined ? undefined : JSON.stringify(data);
    const members = async (): Promise<readonly string[]> => (await this.#options.rooms.standing(room))?.privateMembers ?? [];
    return writer.write({
      membership,
      members,
      userId: id,
      sender: personJson({ id, name, kind: kind ?? 'service' }),
      clientId,
      text,
      data: json,
      trace: span && { span },
    });
  }

  async #membership(room: string): Promise<Membership> {
    const { entry, retention } = roomPolicy(room);
    if (entry !== 'members') return { room, retention, members: undefined };
    const found = await this.#options.rooms.standing(room);
    if (found === undefined) throw new HubError('ROOM_NOT_FOUND');
    if (found.room.closedAt !== undefined) throw new HubError('ROOM_CLOSED');
    return {
      room,
      retention: found.room.keepHistory ? Retention.history : Retention.stream,
      members: isPrivateRoom(room) ? found.privateMembers : undefined,
    };
  }
}
