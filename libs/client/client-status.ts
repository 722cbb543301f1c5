/** How a client stands with its hub. */
export const ClientState = {
  /** The first attempt, or not told to connect yet (`attempt` 0). */
  connecting: 'connecting',
  connected: 'connected',
  /** The connection was lost, or could not be made: trying, or waiting until `retryAt`. */
  reconnecting: 'reconnecting',
  /** As `reconnecting`, while the browser says that there is no network. */
  offline: 'offline',
  /** Nobody is logged in, or the hub does not let this one in: log in, then `connect()`. */
  refused: 'refused',
  /** Ended for good: by `close()`, or by the hub (`reason.code` tells why). */
  closed: 'closed',
} as const;
export type ClientState = (typeof ClientState)[keyof typeof ClientState];

export interface StatusReason {
  /**
   * The hub's code (`SESSION_REPLACED`, `LOGGED_OUT`, `BANNED`, `TOKEN_EXPIRED`, `DRAINING`, ...), or the client's own: `NETWORK` (the line broke or
   * could not be made), `SILENT` (nothing came any more, though it looked open), `NO_TOKEN` (`getToken` failed), `GAVE_UP` (all tries used up),
   * `CLOSED` (`close()` was called, or the hub was done: 1000).
   */
  readonly code: string;
  /** WebSocket close code, where the hub gave one. */
  readonly closeCode?: number;
  /** What whoever ended it gave as the reason, or what `getToken` threw. */
  readonly message?: string;
}

export interface ClientStatus {
  readonly state: ClientState;
  /** Why it is not connected; absent where nothing went wrong. */
  readonly reason?: StatusReason;
  /** While waiting: when the next attempt begins, Unix milliseconds. */
  readonly retryAt?: number;
  /** Attempts since the last stable minute. */
  readonly attempt: number;
}
