import { FrameBudget } from '#libs/hub/limits/frame-budget.ts';
import type { Socket } from '#libs/hub/ports/socket.ts';
import { Connection, type Identity } from '#libs/hub/sessions/connection.ts';
import type { LocalUser } from '#libs/hub/sessions/local-user.ts';

/** Takes everything at once, and tells nobody. */
export const MUTE_SOCKET: Socket = {
  send: () => 1,
  end: () => undefined,
  subscribe: () => undefined,
  unsubscribe: () => undefined,
  publish: () => undefined,
  ping: () => undefined,
  getBufferedAmount: () => 0,
};

/** A connection of a user whose socket is not there yet. */
export function newConnection(user: LocalUser, identity: Partial<Identity> = {}, id = 'c', session = 's'): Connection {
  return new Connection({
    id,
    user,
    session,
    identity: { userId: user.id, name: user.name, kind: 'user', expiresAt: 0, ...identity },
    login: undefined,
    budget: new FrameBudget({ rate: 0, burst: 1 }, 0),
    firstJoin: undefined,
    traffic: { bytesSent: 0 },
  });
}

/** An open connection of a user to no socket: `send` gets each frame as text, `buffered` says how many bytes were not taken yet. */
export function openConnection(user: LocalUser, send: (frame: string) => void, id = 'c', buffered: () => number = () => 0): Connection {
  const connection = newConnection(user, {}, id);
  connection.opened({
    ...MUTE_SOCKET,
    send: (frame) => {
      send(Buffer.from(frame).toString());
      return 1;
    },
    getBufferedAmount: buffered,
  });
  return connection;
}
