import type { Bearer } from '#libs/auth/credentials.ts';
import { ConnectionBudget } from '#libs/hub/limits/frame-budget.ts';
import type { Socket } from '#libs/hub/ports/socket.ts';
import { Connection, Phase } from '#libs/hub/sessions/connection.ts';
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

/** A connection of a user whose socket is not there yet, as far as it has come. */
export function newConnection(
  user: LocalUser,
  bearer: Partial<Bearer> = {},
  id = 'c',
  session = 's',
  phase: Phase = Phase.live,
): Connection {
  const connection = new Connection({
    id,
    user,
    session,
    bearer: { userId: user.id, name: user.name, kind: 'user', expiresAt: 0, tokenHash: '', ...bearer },
    login: undefined,
    budget: new ConnectionBudget({ rate: 0, burst: 1 }, 0),
    firstJoin: undefined,
    wantsEvents: false,
    traffic: { bytesSent: 0 },
  });
  if (phase >= Phase.registered) connection.registered();
  if (phase >= Phase.welcomed) connection.welcome('');
  if (phase === Phase.live) connection.caughtUp();
  return connection;
}

/** The connection gets a new token. Returns the bearer of the previous token. */
export function refresh(connection: Connection, bearer: Partial<Bearer>): Bearer {
  const before = connection.bearer;
  connection.refresh(connection.beginRefresh(), { ...before, ...bearer });
  return before;
}

interface OpenOptions {
  readonly id?: string;
  readonly bearer?: Partial<Bearer>;
  readonly phase?: Phase;
  /** How many bytes were not taken yet. */
  readonly buffered?: () => number;
}

/** An open connection of a user to no socket: `send` gets each frame as text. */
export function openConnection(user: LocalUser, send: (frame: string) => void, options: OpenOptions = {}): Connection {
  const { id, bearer, phase, buffered = () => 0 } = options;
  const connection = newConnection(user, bearer, id, undefined, phase);
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
