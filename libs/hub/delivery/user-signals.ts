/** Signals of a user's own topic, and of the topic of every node (R5). */

import { EVERYONE, type Fanout } from '#libs/hub/ports/socket.ts';
import type { LocalUsers } from '#libs/hub/sessions/local-users.ts';
import { Retention } from '#libs/messages/room-access.ts';
import { decodeUserSignal, EVERY_NODE } from '#libs/protocol/signals.ts';
import type { LostAccess } from './lost-access.ts';
import type { PrivateRooms } from './private-rooms.ts';
import type { UnknownSignals } from './unknown-signals.ts';

export interface UserSignalsOptions {
  readonly users: LocalUsers;
  readonly fanout: Fanout;
  readonly privateRooms: PrivateRooms;
  readonly lostAccess: LostAccess;
  readonly unknownSignals: UnknownSignals;
  /** A newer login of the user was announced (R4). */
  login(user: string, login: string): void;
}

export class UserSignals {
  readonly #options: UserSignalsOptions;

  constructor(options: UserSignalsOptions) {
    this.#options = options;
  }

  /** Handles a signal. The bytes are valid during the call only. */
  received(user: string, payload: Uint8Array): void {
    const { privateRooms, lostAccess, login, unknownSignals } = this.#options;
    const signal = decodeUserSignal(payload);
    switch (signal.kind) {
      case 'frame':
        this.#deliver(user, text(signal.frame));
        break;
      case 'stored':
        privateRooms.arrived(user, Retention.history, Buffer.from(signal.frame));
        break;
      case 'streamed':
        privateRooms.arrived(user, Retention.stream, Buffer.from(signal.frame), signal.epoch);
        break;
      case 'login':
        login(user, signal.login);
        break;
      case 'session':
        this.#deliverToSession(user, signal.session, text(signal.frame));
        break;
      case 'membership':
        lostAccess.signalled(user, signal.room);
        break;
      case 'privateClosed':
        lostAccess.closePrivate(user, signal.room, signal.reason);
        break;
      case 'unknown':
        unknownSignals.ignore(signal, 'user');
        break;
      default:
        signal satisfies never;
    }
  }

  #deliver(user: string, frame: string): void {
    const { users, fanout } = this.#options;
    if (user === EVERY_NODE) fanout.publish(EVERYONE, frame, users.size);
    else for (const connection of [...users.of(user)]) connection.deliver(frame);
  }

  #deliverToSession(user: string, session: string, frame: string): void {
    for (const connection of this.#options.users.ofSession(session)) {
      if (user === EVERY_NODE || connection.user.id === user) connection.deliver(frame);
    }
  }
}

function text({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString();
}
