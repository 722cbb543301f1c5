import { Connection } from '#libs/hub/connection.ts';
import { FrameBudget } from '#libs/hub/frame-budget.ts';
import type { LocalUser } from '#libs/hub/local-user.ts';

/** An open connection of a user to no socket: `send` gets each frame as text, `buffered` says how many bytes were not taken yet. */
export function openConnection(user: LocalUser, send: (frame: string) => void, id = 'c', buffered: () => number = () => 0): Connection {
  const connection = new Connection({
    id,
    user,
    session: 's',
    identity: { userId: user.id, name: user.name, kind: 'user', expiresAt: 0 },
    login: undefined,
    budget: new FrameBudget({ rate: 0, burst: 1 }, 0),
    firstJoin: undefined,
    traffic: { bytesSent: 0 },
  });
  connection.opened({
    send: (frame) => {
      send(Buffer.from(frame).toString());
      return 1;
    },
    end: () => undefined,
    subscribe: () => undefined,
    unsubscribe: () => undefined,
    publish: () => undefined,
    ping: () => undefined,
    getBufferedAmount: buffered,
  });
  return connection;
}
