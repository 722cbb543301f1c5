import type { Bearer } from '#libs/auth/credentials.ts';
import type { Connection } from './connection.ts';
import { LocalUser } from './local-user.ts';

const NONE: readonly Connection[] = [];

/**
 * Connections by a key that few of them share. A connection costs an entry of a map, some 50 bytes;
 * a shared key also costs a list.
 */
class ConnectionIndex {
  readonly #entries = new Map<string, Connection | Connection[]>();

  /** The connections with this key now. A connection that ends meanwhile stays in the list. */
  of(key: string): readonly Connection[] {
    const found = this.#entries.get(key);
    if (found === undefined) return NONE;
    return Array.isArray(found) ? [...found] : [found];
  }

  /** A connection without a key is not in it. */
  add(key: string | undefined, connection: Connection): void {
    if (key === undefined) return;
    const found = this.#entries.get(key);
    if (found === undefined) this.#entries.set(key, connection);
    else if (Array.isArray(found)) found.push(connection);
    else this.#entries.set(key, [found, connection]);
  }

  remove(key: string | undefined, connection: Connection): void {
    if (key === undefined) return;
    const found = this.#entries.get(key);
    if (found === connection) this.#entries.delete(key);
    if (!Array.isArray(found)) return;
    const rest = found.filter((other) => other !== connection);
    const [only = connection] = rest;
    this.#entries.set(key, rest.length === 1 ? only : rest);
  }
}

export interface UserChannels {
  subscribeUser(user: string): Promise<void>;
  unsubscribe(topic: `u:${string}`): void;
}

interface Entry {
  readonly user: LocalUser;
  /** Begins with one place: an empty list that grows has 17, and most users have one connection. */
  connections: Connection[];
}

/**
 * Every user with a connection on this node, and the subscription to each one's own channel (R5).
 */
export class LocalUsers {
  readonly #entries = new Map<string, Entry>();
  readonly #channels: UserChannels;
  /** By the login of the token, and by its hash: for logging out. */
  readonly #logins = new ConnectionIndex();
  readonly #tokens = new ConnectionIndex();
  /** By the tab's label: for pushes to it. */
  readonly #sessions = new ConnectionIndex();
  #size = 0;

  constructor(channels: UserChannels) {
    this.#channels = channels;
  }

  /** Open connections, those being admitted included. */
  get size(): number {
    return this.#size;
  }

  /** Distinct users with an open connection. */
  get count(): number {
    return this.#entries.size;
  }

  /** The user's connections on this node. */
  of(id: string): readonly Connection[] {
    return this.#entries.get(id)?.connections ?? NONE;
  }

  /** The connections of a login on this node. */
  ofLogin(login: string): readonly Connection[] {
    return this.#logins.of(login);
  }

  /** The connections with the token of this hash on this node. */
  ofToken(hash: string): readonly Connection[] {
    return this.#tokens.of(hash);
  }

  /** The connections with this label on this node (H1). */
  ofSession(session: string): readonly Connection[] {
    return this.#sessions.of(session);
  }

  /**
   * The user's entry; the first one listens to their channel. Pair each `enter` with an `add`,
   * synchronously.
   */
  enter(id: string, name: string, kind: string): LocalUser {
    const known = this.#entries.get(id);
    if (known !== undefined) {
      known.user.came(kind);
      return known.user;
    }
    const listening = this.#channels.subscribeUser(id);
    // A caller that awaits it gets the failure. If nobody awaits it yet, it must not end the
    // process.
    listening.catch(() => undefined);
    const user = new LocalUser(id, name, kind, listening);
    this.#entries.set(id, { user, connections: [] });
    return user;
  }

  add(connection: Connection): void {
    const entry = this.#entries.get(connection.user.id);
    if (entry === undefined) throw new TypeError('enter() comes first');
    if (entry.connections.length === 0) entry.connections = [connection];
    else entry.connections.push(connection);
    this.#size += 1;
    this.#sessions.add(connection.session, connection);
    this.#logins.add(connection.bearer.login, connection);
    this.#tokens.add(connection.bearer.tokenHash, connection);
  }

  /** The connection has a new token. `before`: the bearer of its previous token. */
  refreshed(connection: Connection, before: Bearer): void {
    const { login, tokenHash } = connection.bearer;
    if (login !== before.login) {
      this.#logins.remove(before.login, connection);
      this.#logins.add(login, connection);
    }
    this.#tokens.remove(before.tokenHash, connection);
    this.#tokens.add(tokenHash, connection);
  }

  /** Takes a connection out; the user's last one stops listening to their channel. */
  remove(connection: Connection): void {
    const { id } = connection.user;
    const connections = this.#entries.get(id)?.connections ?? [];
    const index = connections.indexOf(connection);
    if (index < 0) return;
    connections.splice(index, 1);
    this.#size -= 1;
    this.#sessions.remove(connection.session, connection);
    this.#logins.remove(connection.bearer.login, connection);
    this.#tokens.remove(connection.bearer.tokenHash, connection);
    if (connections.length > 0) return;
    this.#entries.delete(id);
    this.#channels.unsubscribe(`u:${id}`);
  }

  /** Every user with a connection. */
  *each(): Generator<LocalUser> {
    for (const { user } of this.#entries.values()) yield user;
  }

  *all(): Generator<Connection> {
    for (const { connections } of this.#entries.values()) yield* connections;
  }
}
