import type { Connection } from './connection.ts';
import { LocalUser } from './local-user.ts';

export interface UserChannels {
  subscribeUser(user: string): Promise<void>;
  unsubscribe(topic: `u:${string}`): void;
}

interface Entry {
  readonly user: LocalUser;
  readonly connections: Connection[];
}

const NONE: readonly Connection[] = [];

/** Every user with a connection on this node, and the subscription to each one's own channel (R5). */
export class LocalUsers {
  readonly #entries = new Map<string, Entry>();
  readonly #channels: UserChannels;
  /** Connections by their token's login, for logging out. What has none is not in it. */
  readonly #logins = new Map<string, Connection[]>();
  #size = 0;

  constructor(channels: UserChannels) {
    this.#channels = channels;
  }

  /** Open connections, those being admitted included. */
  get size(): number {
    return this.#size;
  }

  /** The user's connections on this node. */
  of(id: string): readonly Connection[] {
    return this.#entries.get(id)?.connections ?? NONE;
  }

  /** The connections of a login on this node. */
  ofLogin(login: string): readonly Connection[] {
    return this.#logins.get(login) ?? NONE;
  }

  /** The user's entry; the first one listens to their channel. Pair each `enter` with an `add`, synchronously. */
  enter(id: string, name: string, kind: string): LocalUser {
    const known = this.#entries.get(id);
    if (known !== undefined) {
      known.user.came(kind);
      return known.user;
    }
    const listening = this.#channels.subscribeUser(id);
    // Whoever awaits it sees the failure; one that nobody waits for yet must not end the process.
    listening.catch(() => undefined);
    const user = new LocalUser(id, name, kind, listening);
    this.#entries.set(id, { user, connections: [] });
    return user;
  }

  add(connection: Connection): void {
    this.#entries.get(connection.user.id)?.connections.push(connection);
    this.#size += 1;
    this.#login(connection);
  }

  /** The connection has a new token; `before`: the login of the one before. */
  refreshed(connection: Connection, before: string | undefined): void {
    if (connection.identity.login === before) return;
    this.#logout(connection, before);
    this.#login(connection);
  }

  /** Takes a connection out; the user's last one stops listening to their channel. */
  remove(connection: Connection): void {
    const { id } = connection.user;
    const connections = this.#entries.get(id)?.connections ?? [];
    const index = connections.indexOf(connection);
    if (index < 0) return;
    connections.splice(index, 1);
    this.#size -= 1;
    this.#logout(connection, connection.identity.login);
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

  #login(connection: Connection): void {
    const { login } = connection.identity;
    if (login === undefined) return;
    const connections = this.#logins.get(login);
    if (connections === undefined) this.#logins.set(login, [connection]);
    else connections.push(connection);
  }

  #logout(connection: Connection, login: string | undefined): void {
    const connections = login === undefined ? undefined : this.#logins.get(login);
    if (login === undefined || connections === undefined) return;
    const rest = connections.filter((other) => other !== connection);
    if (rest.length > 0) this.#logins.set(login, rest);
    else this.#logins.delete(login);
  }
}
