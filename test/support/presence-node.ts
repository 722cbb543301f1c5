import type { ConnectResult, Presence, PresenceConnection, PresenceUser } from '#libs/presence/presence.ts';

/** Makes a user with this id. */
export function person(id: string): PresenceUser {
  return { id, name: `Name of ${id}`, kind: 'user' };
}

/** A presence with a source as a hub has. Its methods keep the source as the port demands. */
export class PresenceNode {
  readonly presence: Presence;
  /** Every online count reported. */
  readonly reported: number[] = [];
  readonly connections = new Map<string, PresenceConnection>();
  /** `<room> <user id>` -> the pair. */
  readonly rooms = new Map<string, { readonly room: string; readonly user: PresenceUser }>();

  constructor(presence: Presence) {
    this.presence = presence;
  }

  async start(): Promise<this> {
    await this.presence.start(
      { online: (count) => void this.reported.push(count) },
      { connections: () => this.connections.values(), rooms: () => this.rooms.values() },
    );
    return this;
  }

  async connect(id: string, user: string, login?: string): Promise<ConnectResult> {
    const connection = { id, user: person(user), login };
    this.connections.set(id, connection);
    try {
      const result = await this.presence.connect(connection);
      if (result === 'replaced') this.connections.delete(id);
      return result;
    } catch (error) {
      this.connections.delete(id);
      throw error;
    }
  }

  disconnect(id: string): Promise<void> {
    const connection = this.connections.get(id);
    if (connection === undefined) throw new TypeError(`${id} is not connected`);
    this.connections.delete(id);
    return this.presence.disconnect(connection);
  }

  enter(room: string, user: string): Promise<number> {
    this.rooms.set(`${room} ${user}`, { room, user: person(user) });
    return this.presence.enter(room, person(user));
  }

  leave(room: string, user: string): Promise<void> {
    this.rooms.delete(`${room} ${user}`);
    return this.presence.leave(room, person(user));
  }
}

/**
 * Replays a room's announcements. Throws if one does not follow from the earlier ones: a user
 * announced twice, or a wrong count.
 */
export function replay(signals: readonly string[], room = new Set<string>()): Set<string> {
  for (const signal of signals) {
    const [, action, count = '', json] = /^~([+=-])(\d+)(?: (\{.*\}))?$/.exec(signal) ?? [];
    const user: unknown = json === undefined ? undefined : JSON.parse(json).id;
    if (action === '=') continue;
    if (typeof user !== 'string') throw new Error(`not an announcement: ${signal}`);
    if (room.has(user) === (action === '+')) throw new Error(`announced twice: ${signal} in\n${signals.join('\n')}`);
    if (action === '+') room.add(user);
    else room.delete(user);
    if (room.size !== Number(count)) throw new Error(`${signal} with ${room.size} there in\n${signals.join('\n')}`);
  }
  return room;
}
