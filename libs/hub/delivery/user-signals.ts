/** What comes over a user's own channel, and over the channel of every node (R5). A frame for all sessions of the user is its own payload. */

import { EVERYONE, type Fanout } from '#libs/hub/ports/socket.ts';
import type { LocalUsers } from '#libs/hub/sessions/local-users.ts';
import { Retention } from '#libs/messages/room-access.ts';
import type { LostAccess } from './lost-access.ts';
import type { PrivateRooms } from './private-rooms.ts';

/** The channel that every node listens to: the own channel of nobody. */
export const EVERY_NODE = '';

/** First byte of a finished frame; anything else is a control signal. */
const BRACE = 0x7b;
const CLOSED = '{"type":"room_closed"';

export interface UserSignalsOptions {
  readonly users: LocalUsers;
  readonly fanout: Fanout;
  readonly privateRooms: PrivateRooms;
  readonly lostAccess: LostAccess;
  /** A newer login of the user was announced (R4). */
  login(user: string, login: string): void;
}

export class UserSignals {
  readonly #options: UserSignalsOptions;

  constructor(options: UserSignalsOptions) {
    this.#options = options;
  }

  /**
   * `{...}`: a frame for all sessions. `~k<login>`: a newer login. `~s<session> <frame>`: for the sessions with this label. `~x<room>`: who is a member
   * has changed. `~h<frame>`, `~p<epoch> <frame>`: a message of a private room that keeps history, or only a stream. The bytes are valid during the call only.
   */
  received(user: string, payload: Uint8Array): void {
    const { privateRooms, login } = this.#options;
    if (payload[0] === BRACE) {
      this.#deliver(user, Buffer.from(payload).toString());
      return;
    }
    const bytes = Buffer.from(payload);
    const rest = (): string => bytes.toString('utf8', 2);
    switch (String.fromCharCode(payload[1] ?? 0)) {
      case 'h':
        privateRooms.arrived(user, Retention.history, bytes.subarray(2));
        break;
      case 'p':
        privateRooms.arrived(user, Retention.stream, bytes.subarray(bytes.indexOf(BRACE)), bytes.toString('latin1', 2, bytes.indexOf(' ')));
        break;
      case 'k':
        login(user, rest());
        break;
      case 's':
        this.#deliverToSession(user, rest());
        break;
      case 'x':
        this.#options.lostAccess.signalled(user, rest());
        break;
    }
  }

  #deliver(user: string, frame: string): void {
    const { users, fanout } = this.#options;
    if (user === EVERY_NODE) {
      fanout.publish(EVERYONE, frame, users.size);
      return;
    }
    if (frame.startsWith(CLOSED)) {
      const { room, reason } = JSON.parse(frame) as { readonly room: string; readonly reason: 'expired' | 'closed' };
      this.#options.lostAccess.closePrivate(user, room, reason);
      return;
    }
    for (const connection of [...users.of(user)]) connection.deliver(frame);
  }

  #deliverToSession(user: string, rest: string): void {
    const { users } = this.#options;
    const space = rest.indexOf(' ');
    const session = rest.slice(0, space);
    const frame = rest.slice(space + 1);
    for (const connection of users.ofSession(session)) if (user === EVERY_NODE || connection.user.id === user) connection.deliver(frame);
  }
}
