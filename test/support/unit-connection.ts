import type { Bearer } from '#libs/auth/credentials.ts';
import { ConnectionBudget } from '#libs/hub/limits/frame-budget.ts';
import type { Socket } from '#libs/hub/ports/socket.ts';
import { Connection, Phase } from '#libs/hub/sessions/connection.ts';
import type { LocalUser } from '#libs/hub/sessions/local-user.ts';

/** A socket that accepts everything and reports nothing. */
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
  /** Its phase. Default `welcomed`. */
  readonly phase?: Phase;
  /** Whether offline delivery has ended. Default true. */
  readonly isCaughtUp?: boolean;
  /** When it was admitted, Unix milliseconds. Default 0. */
  readonly openedAt?: number;
}

/** Makes a connection of a user without a socket. */
export function newConnection(user: LocalUser, options: NewConnection = {}): Connection {
  const { id = 'c', session = 's', bearer, phase = Phase.welcomed, isCaughtUp = true, openedAt = 0 } = options;
  const connection = new Connection({
    id,
    user,
    session,
    bearer: { userId: user.id, name: user.name, kind: 'user', expiresAt: 0, tokenHash: '', ...bearer },
    login: undefined,
    newBudget: () => new ConnectionBudget({ rate: 0, burst: 1 }, 0),
    firstJoin: undefined,
    wantsEvents: false,
    batches: undefined,
    openedAt,
    traffic: { bytesSent: 0 },
  });
  if (phase >= Phase.registered) connection.registered();
  if (phase >= Phase.welcomed) connection.welcome('');
  if (isCaughtUp) connection.deliveries.caughtUp();
  return connection;
}

/** Gives the connection a new token. Returns the bearer of the previous one. */
export function refresh(connection: Connection, bearer: Partial<Bearer>): Bearer {
  const before = connection.bearer;
  connection.refresh(connection.beginRefresh(), { ...before, ...bearer });
  return before;
}

interface OpenConnection extends NewConnection {
  /** Returns the bytes that are not sent yet. */
  readonly buffered?: () => number;
  readonly socket?: Partial<Socket>;
}

/** Makes an open connection without a socket: `send` gets each frame as text. */
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
