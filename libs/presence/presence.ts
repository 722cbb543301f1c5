/**
 * The port for presence: users online, and users in rooms, over all nodes.
 *
 * Sets guarded by node leases, never counters (P1-P3). If a node dies, the first node that sees its
 * lease expired removes its sessions.
 */
import type { Person } from '#libs/protocol/frame-types.ts';

/** Somebody who is here, with the `kind` of the token they came with. */
export type PresenceUser = Required<Person>;

/** One open socket of this node. `id` is unique on the node for its life. */
export interface PresenceConnection {
  readonly id: string;
  readonly user: PresenceUser;
  /** Single-session mode: the login this connection belongs to (R4). Undefined in multi mode. */
  readonly login?: string | undefined;
}

/**
 * The living connections and (room, user) pairs of this node, read when everything has to be put
 * back. A connection is in it from before the call of `connect` until before the call of
 * `disconnect`. A pair is in it from before `enter` until before `leave`, once however many
 * connections the user has in the room.
 */
export interface PresenceSource {
  connections(): Iterable<PresenceConnection>;
  rooms(): Iterable<{ readonly room: string; readonly user: PresenceUser }>;
}

export interface PresenceListener {
  /**
   * The number of distinct users online on all nodes changed. Called once for each poll at most,
   * never with the same value twice in a row.
   */
  online(count: number): void;
}

export type ConnectResult = 'ok' | 'replaced';

/**
 * Room changes are announced as signals `entered`, `left` and `counted` on the room's topic
 * (`r:<room>`), atomically with the change. A newer login of a user (R4) is announced as `login` on
 * the user's topic (`u:<user>`): connections of any other login end. See
 * `libs/protocol/signals.ts`. Every method rejects with `HubError` `UNAVAILABLE` if the backend
 * cannot be reached within a few seconds.
 */
export interface Presence {
  /** Starts the lease and the watch over other nodes' leases. Called once. */
  start(listener: PresenceListener, source: PresenceSource): Promise<void>;
  /**
   * Registers a connection. Resolves with `replaced`, and registers nothing, if the user has a
   * newer login. Idempotent.
   */
  connect(connection: PresenceConnection): Promise<ConnectResult>;
  /**
   * Removes a connection. Never rejects: the next restore, or the end of the lease, repairs a
   * failure.
   */
  disconnect(connection: PresenceConnection): Promise<void>;
  /**
   * The user's first connection on this node entered the room. Resolves with the room's distinct
   * users. Idempotent.
   */
  enter(room: string, user: PresenceUser): Promise<number>;
  /** The user's last connection on this node left the room. Never rejects. */
  leave(room: string, user: PresenceUser): Promise<void>;
  /** Distinct users online now, read from the backend. */
  online(): Promise<number>;
  /** The last known number of distinct users online: no I/O. */
  readonly onlineCount: number;
  /** Distinct users in a room, and the first `limit` of them. */
  room(room: string, limit: number): Promise<{ readonly count: number; readonly users: readonly PresenceUser[] }>;
  /** Distinct users of many rooms, in the order asked. */
  counts(rooms: readonly string[]): Promise<number[]>;
  /** Open connections of each user, in the order asked; 0: offline. */
  sessions(users: readonly string[]): Promise<number[]>;
  /**
   * The node of each open connection of each user, in the order asked; empty: offline. For display.
   * O(connections of these users).
   */
  nodesOf(users: readonly string[]): Promise<readonly (readonly string[])[]>;
  /**
   * At most `limit` users online above `after` in the order of their ids (code units), and whether
   * there are more. A user who stays online during a walk over all pages is in it exactly once.
   * O(users online) for each page.
   */
  page(after: string, limit: number): Promise<{ readonly users: readonly string[]; readonly more: boolean }>;
  /** Up to `limit` users online, picked at random. */
  sample(limit: number): Promise<string[]>;
  /**
   * Single-session mode: those of the connections whose login is no longer the user's newest. For
   * use after signals may have been lost.
   */
  outdated(connections: readonly PresenceConnection[]): Promise<PresenceConnection[]>;
  /**
   * Removes and announces this node's sessions at once, and releases its lease. No method may be
   * called afterwards.
   */
  close(): Promise<void>;
}
