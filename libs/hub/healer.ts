import type { Topic } from '#libs/broker/broker.ts';
import type { Presence } from '#libs/presence/presence.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { Connection } from './connection.ts';
import type { Counts } from './counts.ts';
import type { LocalUsers } from './local-users.ts';
import type { PrivateRooms } from './private-rooms.ts';
import type { Room } from './room.ts';
import type { Rooms } from './rooms.ts';
import type { SingleSession } from './single-session.ts';

export interface HealerOptions {
  readonly users: LocalUsers;
  readonly rooms: Rooms;
  readonly counts: Counts;
  readonly presence: Pick<Presence, 'counts'>;
  readonly privateRooms: Pick<PrivateRooms, 'heal'>;
  /** Undefined where a user may have several logins. */
  readonly single: SingleSession | undefined;
}

/** Asks again for what signals would have told, where some may have been lost. */
export class Healer {
  readonly #options: HealerOptions;

  constructor(options: HealerOptions) {
    this.#options = options;
  }

  /** Signals of these topics may have been lost. A backend that goes away again heals again. */
  async heal(topics: readonly Topic[]): Promise<void> {
    const { users, presence, single, privateRooms, counts } = this.#options;
    const rooms: { readonly room: Room; readonly signals: number }[] = [];
    const connections: Connection[] = [];
    const ids: string[] = [];
    for (const topic of topics) {
      const room = topic.startsWith('r:') ? this.#options.rooms.get(topic.slice(2)) : undefined;
      if (room !== undefined) rooms.push({ room, signals: room.signals });
      if (!topic.startsWith('u:')) continue;
      const user = topic.slice(2);
      ids.push(user);
      if (single !== undefined) connections.push(...users.of(user));
    }
    void privateRooms.heal(ids);
    single?.doubt(connections);
    try {
      const answers = await presence.counts(rooms.map(({ room }) => room.name));
      for (const [index, { room, signals }] of rooms.entries()) {
        const count = answers[index];
        if (count !== undefined && room.signals === signals) counts.room(room, count);
      }
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
    }
  }
}
