/**
 * The state of a client's connection.
 *
 * @example
 * client.on('status', ({ state }) => {
 *   if (state === ClientState.refused) showLogin();
 * });
 */
export const ClientState = {
  /** The first attempt, or `connect()` was not called yet (`attempt` is 0). */
  connecting: 'connecting',
  connected: 'connected',
  /**
   * The connection was lost or could not be made. The client tries again, or waits until `retryAt`.
   */
  reconnecting: 'reconnecting',
  /** As `reconnecting`, while the browser says that there is no network. */
  offline: 'offline',
  /** Nobody is logged in, or the hub does not let this one in: log in, then `connect()`. */
  refused: 'refused',
  /** Ended for good, by `close()` or by the hub (see `reason.code`). */
  closed: 'closed',
} as const;
export type ClientState = (typeof ClientState)[keyof typeof ClientState];

/** Why a client is not connected. */
export interface StatusReason {
  /**
   * A code of the hub (`SESSION_REPLACED`, `LOGGED_OUT`, `BANNED`, `TOKEN_EXPIRED`, `DRAINING`,
   * ...), or one of the client:
   *
   * - `NETWORK`: the connection broke, or could not be made.
   * - `SILENT`: the connection looked open, but nothing came.
   * - `NO_TOKEN`: `getToken` failed.
   * - `GAVE_UP`: all tries are used up.
   * - `CLOSED`: `close()` was called, or the hub closed with 1000.
   */
  readonly code: string;
  /** The WebSocket close code, if the hub gave one. */
  readonly closeCode?: number;
  /**
   * The reason that the service or the hub gave, or the message of the error that `getToken` threw.
   */
  readonly message?: string;
  /** The end of the ban, Unix milliseconds. With `BANNED` only. */
  readonly until?: number;
}

/**
 * The state of a client and what led to it.
 *
 * @example
 * const { state, reason, retryAt } = client.status;
 * if (retryAt !== undefined) showCountdown(retryAt - Date.now(), reason?.code);
 */
export interface ClientStatus {
  readonly state: ClientState;
  /** Why the client is not connected. Absent if nothing went wrong. */
  readonly reason?: StatusReason;
  /** When the next attempt begins, Unix milliseconds. Only while the client waits. */
  readonly retryAt?: number;
  /** Attempts since the last stable connection (`backoff.stableMs`). */
  readonly attempt: number;
}
