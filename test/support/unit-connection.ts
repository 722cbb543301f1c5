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

interface NewConnection {
  readonly id?: string;
  readonly session?: string;
  readonly bearer?: Partial<Bearer>;
  /** How far it has come. Default `welcomed`. */
  readonly phase?: Phase;
  /** Whether offline delivery has ended. Default true. */
  readonly isCaughtUp?: boolean;
}

/** A connection of a user whose socket is not there yet. */
export function newConnection(user: LocalUser, options: NewConnection = {}): Connection {
  const { id = 'c', session = 's', bearer, phase = Phase.welcomed, isCaughtUp = true } = options;
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
  if (isCaughtUp) connection.deliveries.caughtUp();
  return connection;
}

/** The connection gets a new token. Returns the bearer of the previous token. */
export function refresh(connection: Connection, bearer: Partial<Bearer>): Bearer {
  const before = connection.bearer;
  connection.refresh(connection.beginRefresh(), { ...before, ...bearer });
  return before;
}

interface OpenConnection extends NewConnection {
  /** How many bytes were not taken yet. */
  readonly buffered?: () => number;
  readonly socket?: Partial<Socket>;
}

/** An open connection of a user to no socket: `send` gets each frame as text. */
export function openConnection(user: LocalUser, send: (frame: string) => void, options: OpenConnection = {}): Connection {
  const connection = newConnection(user, options);
  connection.opened({
    ...MUTE_SOCKET,
    send: (frame) => {
      send(Buffer.from(frame).toString());
      return 1;
    },
    getBufferedAmount: options.buffered ?? MUTE_SOCKET.getBufferedAmount,
    ...options.socket,
  });
  return connection;
}
