import type { Broker } from '#libs/broker/broker.ts';
import { personJson } from '#libs/protocol/server-frame.ts';
import { encode, type RoomSignal, type UserSignal } from '#libs/protocol/signals.ts';
import { FirstIds } from './first-ids.ts';
import type { ConnectResult, Presence, PresenceConnection, PresenceListener, PresenceUser } from './presence.ts';
import { PresenceEdgesMemory } from './presence-edges-memory.ts';

/** Logins remembered of one user, as many as over Redis. */
const LOGINS_MAX = 100;

interface RoomEntry {
  readonly user: PresenceUser;
  /** The nodes the user is in the room on. */
  readonly nodes: Set<PresenceMemory>;
}

/**
 * The state that the nodes of one process share, as a Redis would hold it. Give the same one to
 * each `PresenceMemory`.
 */
export class PresenceSpace {
  /** User -> their connections. */
  readonly connections = new Map<string, Set<PresenceConnection>>();
  /** Room -> user -> where they are. */
  readonly rooms = new Map<string, Map<string, RoomEntry>>();
  /** User -> logins in order of first sight. */
  readonly logins = new Map<string, Set<string>>();
  readonly nodes = new Set<PresenceMemory>();
  readonly edges: PresenceEdgesMemory;

  /** @param now Unix milliseconds. */
  constructor(now: () => number = Date.now) {
    this.edges = new PresenceEdgesMemory(this, now);
  }
}

export interface PresenceMemoryOptions {
  /** This node's id. Default `memory`. */
  readonly node?: string;
  readonly space?: PresenceSpace;
  /** Milliseconds between two reports of the online count, at least. Default 250. */
  readonly pollMs?: number;
}

/** Presence within one process. Its nodes die together, so there are no leases. */
export class PresenceMemory implements Presence {
  readonly #broker: Pick<Broker, 'emit'>;
  readonly #space: PresenceSpace;
  readonly #pollMs: number;
  readonly #node: string;
  readonly #connections = new Map<string, PresenceConnection>();
  /** Room -> users in it on this node. */
  readonly #rooms = new Map<string, Set<string>>();
  #listener: PresenceListener | undefined;
  #reported: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(broker: Pick<Broker, 'emit'>, { node = 'memory', space = new PresenceSpace(), pollMs = 250 }: PresenceMemoryOptions = {}) {
    this.#broker = broker;
    this.#space = space;
    this.#pollMs = pollMs;
    this.#node = node;
  }

  async start(listener: PresenceListener): Promise<void> {
    this.#listener = listener;
    this.#space.nodes.add(this);
    this.#reportSoon();
  }

  async connect(connection: PresenceConnection): Promise<ConnectResult> {
    const { id, user, login } = connection;
    if (this.#closed || this.#connections.has(id)) return 'ok';
    if (login !== undefined && !this.#isNewest(user.id, login)) return 'replaced';
    this.#connections.set(id, connection);
    const all = this.#space.connections.get(user.id);
    if (all === undefined) {
      this.#space.connections.set(user.id, new Set([connection]));
      this.#space.edges.add(`u:${user.id}`, true);
      this.#changed();
    } else {
      all.add(connection);
    }
    return 'ok';
  }

  async disconnect({ id }: PresenceConnection): Promise<void> {
    const known = this.#connections.get(id);
    const all = known && this.#space.connections.get(known.user.id);
    if (known === undefined || all === undefined) return;
    this.#connections.delete(id);
    all.delete(known);
    if (all.size > 0) return;
    this.#space.connections.delete(known.user.id);
    this.#space.edges.add(`u:${known.user.id}`, false);
    this.#changed();
  }

  async enter(room: string, { id, name, kind }: PresenceUser): Promise<number> {
    const users = this.#space.rooms.get(room) ?? new Map<string, RoomEntry>();
    if (this.#closed) return users.size;
    const here = this.#rooms.get(room);
    if (here === undefined) this.#rooms.set(room, new Set([id]));
    else here.add(id);
    this.#space.rooms.set(room, users);
    if (users.size === 0) this.#space.edges.add(`r:${room}`, true);
    const entry = users.get(id);
    users.set(id, { user: { id, name, kind }, nodes: entry?.nodes.add(this) ?? new Set([this]) });
    if (entry === undefined) this.#emit(`r:${room}`, { kind: 'entered', count: users.size, user: personJson({ id, name, kind }) });
    return users.size;
  }

  async leave(room: string, { id }: PresenceUser): Promise<void> {
    this.#leave(room, id);
  }

  #leave(room: string, id: string): void {
    const here = this.#rooms.get(room);
    if (here?.delete(id) !== true) return;
    if (here.size === 0) this.#rooms.delete(room);
    const users = this.#space.rooms.get(room);
    const entry = users?.get(id);
    if (users === undefined || entry === undefined) return;
    entry.nodes.delete(this);
    if (entry.nodes.size > 0) return;
    users.delete(id);
    if (users.size === 0) {
      this.#space.rooms.delete(room);
      this.#space.edges.add(`r:${room}`, false);
    }
    this.#emit(`r:${room}`, { kind: 'left', count: users.size, user: personJson(entry.user) });
  }

  async online(): Promise<number> {
    return this.onlineCount;
  }

  get onlineCount(): number {
    return this.#space.connections.size;
  }

  async room(room: string, limit: number): Promise<{ readonly count: number; readonly users: readonly PresenceUser[] }> {
    const users = this.#space.rooms.get(room);
    if (users === undefined) return { count: 0, users: [] };
    const some: PresenceUser[] = [];
    for (const { user } of users.values()) {
      if (some.length >= limit) break;
      some.push(user);
    }
    return { count: users.size, users: some };
  }

  async counts(rooms: readonly string[]): Promise<number[]> {
    return rooms.map((room) => this.#space.rooms.get(room)?.size ?? 0);
  }

  async sessions(users: readonly string[]): Promise<number[]> {
    return users.map((user) => this.#space.connections.get(user)?.size ?? 0);
  }

  async nodesOf(users: readonly string[]): Promise<readonly (readonly string[])[]> {
    const nodes = [...this.#space.nodes];
    return users.map((user) =>
      [...(this.#space.connections.get(user) ?? [])].flatMap((connection) =>
        nodes.filter((node) => node.#connections.get(connection.id) === connection).map((node) => node.#node),
      ),
    );
  }

  async page(after: string, limit: number): Promise<{ readonly users: readonly string[]; readonly more: boolean }> {
    const first = new FirstIds(after, limit);
    first.add(this.#space.connections.keys());
    return first.page();
  }

  async sample(limit: number): Promise<string[]> {
    const users = [...this.#space.connections.keys()];
    // The first steps of a Fisher-Yates shuffle.
    for (let index = 0; index < Math.min(limit, users.length); index += 1) {
      const other = index + Math.floor(Math.random() * (users.length - index));
      [users[index], users[other]] = [users[other] ?? '', users[index] ?? ''];
    }
    return users.slice(0, limit);
  }

  async outdated(connections: readonly PresenceConnection[]): Promise<PresenceConnection[]> {
    return connections.filter(({ user, login }) => {
      const newest = [...(this.#space.logins.get(user.id) ?? [])].at(-1);
      return login !== undefined && newest !== undefined && newest !== login;
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    for (const [room, users] of [...this.#rooms]) for (const id of [...users]) this.#leave(room, id);
    for (const connection of [...this.#connections.values()]) await this.disconnect(connection);
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#space.nodes.delete(this);
  }

  #isNewest(user: string, login: string): boolean {
    const logins = this.#space.logins.get(user) ?? new Set<string>();
    if (logins.has(login)) return [...logins].at(-1) === login;
    this.#space.logins.set(user, logins.add(login));
    const [oldest] = logins;
    if (logins.size > LOGINS_MAX && oldest !== undefined) logins.delete(oldest);
    this.#emit(`u:${user}`, { kind: 'login', login });
    return true;
  }

  #changed(): void {
    for (const node of this.#space.nodes) node.#reportSoon();
  }

  #reportSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#closed || this.onlineCount === this.#reported) return;
      this.#reported = this.onlineCount;
      this.#listener?.online(this.#reported);
    }, this.#pollMs);
  }

  /** Ignores a signal that the broker refuses: presence itself has changed all the same. */
  #emit(topic: `r:${string}` | `u:${string}`, signal: RoomSignal<string> | UserSignal<string>): void {
    this.#broker.emit(topic, encode(signal)).catch(() => undefined);
  }
}
