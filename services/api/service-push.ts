import type { Broker } from '#libs/broker/broker.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { isManagedRoom, isPrivateRoom } from '#libs/protocol/room-kinds.ts';
import { buildFrame } from '#libs/protocol/server-frame.ts';
import { EVERY_NODE, encode } from '#libs/protocol/signals.ts';
import type { RoomStore } from '#libs/store/room-store.ts';

export type PushTarget = { readonly all: true } | { readonly room: string } | { readonly user: string } | { readonly session: string };

export interface PusherOptions {
  readonly broker: Pick<Broker, 'emit'>;
  readonly rooms: Pick<RoomStore, 'standing'>;
}

/** Sends frames of services to whoever is connected: each at most once, nothing waits for who is not there. */
export class Pusher {
  readonly #options: PusherOptions;

  constructor(options: PusherOptions) {
    this.#options = options;
  }

  /** Resolves when the backend took it. @throws HubError `ROOM_NOT_FOUND`, `ROOM_CLOSED` (rooms that the hub makes), `UNAVAILABLE`. */
  async push(to: PushTarget, type: 'inform' | 'command', code: string | undefined, body: unknown): Promise<void> {
    const { broker } = this.#options;
    const frame = buildFrame(type, { code, body });
    const toUser = (user: string): Promise<void> => broker.emit(`u:${user}`, encode({ kind: 'frame', frame }));
    if ('all' in to) return toUser(EVERY_NODE);
    if ('user' in to) return toUser(to.user);
    if ('session' in to) return broker.emit(`u:${EVERY_NODE}`, encode({ kind: 'session', session: to.session, frame }));
    const members = await this.#privateMembers(to.room);
    if (members === undefined) return broker.emit(`r:${to.room}`, encode({ kind: 'pushed', frame }));
    await Promise.all(members.map(toUser));
  }

  /** Whom a private room reaches over their own channels (R5); undefined if the room is joined. */
  async #privateMembers(room: string): Promise<readonly string[] | undefined> {
    if (!isManagedRoom(room)) return undefined;
    const found = await this.#options.rooms.standing(room);
    if (found === undefined) throw new HubError('ROOM_NOT_FOUND');
    if (found.room.closedAt !== undefined) throw new HubError('ROOM_CLOSED');
    return isPrivateRoom(room) ? found.privateMembers : undefined;
  }
}
