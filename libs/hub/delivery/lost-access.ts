/**
 * Takes users out of rooms that they lost (R7). The log of events misses no change; a signal is
 * faster. Each change is checked against the present standing: a user who was removed and is a
 * member again stays, and nothing is reported twice.
 */

import type { AccessEvent } from '#libs/events/events.ts';
import type { Fanout } from '#libs/hub/ports/socket.ts';
import type { MembershipValidity } from '#libs/hub/rooms/membership-validity.ts';
import type { Rooms } from '#libs/hub/rooms/rooms.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import type { LocalUsers } from '#libs/hub/sessions/local-users.ts';
import type { RoomAccess } from '#libs/messages/room-access.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { isManagedRoom, isPrivateRoom } from '#libs/protocol/room-kinds.ts';
import { buildFrame } from '#libs/protocol/server-frame.ts';
import type { Background } from '#libs/telemetry/background.ts';

/** Questions at a time when the whole node is rechecked. */
const RECHECKED_AT_ONCE = 1000;

type CloseReason = 'expired' | 'closed';

export interface LostAccessOptions {
  readonly users: LocalUsers;
  readonly rooms: Pick<Rooms, 'get' | 'occupancy'>;
  readonly fanout: Fanout;
  readonly validity: MembershipValidity;
  readonly access: Pick<RoomAccess, 'recheck'>;
  readonly background: Background;
  /**
   * Takes the connection out, and ends a join under way with `reason`. True if it was in the room.
   */
  takeOut(connection: Connection, room: string, reason: HubError): boolean;
}

export class LostAccess {
  readonly #options: LostAccessOptions;

  constructor(options: LostAccessOptions) {
    this.#options = options;
  }

  /**
   * Acts on events of rooms. May be repeated. Rejects with `HubError` `UNAVAILABLE` if the store
   * cannot be asked for the present standing.
   */
  async apply(events: readonly AccessEvent[]): Promise<void> {
    const checks: Promise<void>[] = [];
    for (const event of events) {
      const { kind, room, users, payload } = event;
      // A new member changes nothing for others.
      if (kind !== 'member_joined' || isPrivateRoom(room)) this.#options.validity.changed(room);
      switch (kind) {
        case 'room_closed':
          this.closeRoom(room, payload.reason);
          for (const user of users) this.closePrivate(user, room, payload.reason);
          break;
        case 'member_left':
          for (const user of users) checks.push(this.check(user, room));
          break;
        case 'member_joined':
        case 'room_changed':
          break;
        default:
          kind satisfies never;
      }
    }
    await Promise.all(checks);
  }

  /** Every event committed more than `ageMs` milliseconds ago is applied. */
  upToDate(ageMs: number): void {
    this.#options.validity.known(ageMs);
  }

  /**
   * Asks about everybody in every managed room, because events may be missing. Rejects as `apply`.
   */
  async recheck(): Promise<void> {
    const { users, rooms, validity } = this.#options;
    validity.changedAll();
    const held: { readonly user: string; readonly room: string }[] = [];
    for (const { room, user } of rooms.occupancy()) if (isManagedRoom(room)) held.push({ user: user.id, room });
    for (const user of users.each()) for (const room of user.feeds.keys()) held.push({ user: user.id, room });
    for (let at = 0; at < held.length; at += RECHECKED_AT_ONCE) {
      await Promise.all(held.slice(at, at + RECHECKED_AT_ONCE).map(({ user, room }) => this.check(user, room)));
    }
  }

  /**
   * A signal reported that members of the room changed, and the user may be one of them. If the
   * store is away now, the log reports it again.
   */
  signalled(user: string, room: string): void {
    this.#options.validity.changed(room);
    this.#options.background.run('rooms', () => this.check(user, room));
  }

  /**
   * Asks whether the user may still be in the room, and takes them out if not. Rejects with
   * `HubError` `UNAVAILABLE`.
   */
  async check(id: string, room: string): Promise<void> {
    const { users, access, takeOut } = this.#options;
    const user = users.of(id)[0]?.user;
    const isHeld = user?.feeds.has(room) === true || users.of(id).some((connection) => isInOrEntering(connection, room));
    if (user === undefined || !isHeld) return;
    const standing = await access.recheck(id, room);
    switch (standing) {
      case 'member':
        return;
      case 'closed':
      case 'expired':
        this.closeRoom(room, standing);
        this.closePrivate(id, room, standing);
        return;
      case 'stranger':
        user.loses(room);
        for (const connection of [...users.of(id)]) {
          if (takeOut(connection, room, new HubError('FORBIDDEN'))) connection.deliver(buildFrame('left', { room }));
        }
        return;
      default:
        standing satisfies never;
    }
  }

  /**
   * A room that is joined is over: reports it to everybody who is in it here, and takes them out.
   */
  closeRoom(name: string, reason: CloseReason): void {
    const { rooms, users, fanout, validity, takeOut } = this.#options;
    validity.changed(name);
    const room = rooms.get(name);
    if (room === undefined || isPrivateRoom(name)) return;
    fanout.publish(room.topic, buildFrame('room_closed', { room: name, reason }), room.subscriptions);
    for (const user of [...room.users.keys()])
      for (const connection of [...users.of(user.id)]) takeOut(connection, name, new HubError('ROOM_CLOSED'));
  }

  /** A private room is over: reports it once to all sessions of the member, and takes them out. */
  closePrivate(id: string, room: string, reason: CloseReason): void {
    const { users, validity, takeOut } = this.#options;
    validity.changed(room);
    const connections = [...users.of(id)];
    const user = connections[0]?.user;
    if (user === undefined || !isPrivateRoom(room) || !user.closes(room)) return;
    for (const connection of connections) {
      connection.deliver(buildFrame('room_closed', { room, reason }));
      takeOut(connection, room, new HubError('ROOM_CLOSED'));
    }
  }
}

function isInOrEntering(connection: Connection, room: string): boolean {
  return connection.deliveries.get(room) !== undefined || connection.room(room) !== undefined;
}
