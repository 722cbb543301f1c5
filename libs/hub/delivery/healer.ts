import type { Topic } from '#libs/broker/broker.ts';
import type { Clock } from '#libs/hub/ports/clock.ts';
import type { Room } from '#libs/hub/rooms/room.ts';
import type { Rooms } from '#libs/hub/rooms/rooms.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import type { LocalUsers } from '#libs/hub/sessions/local-users.ts';
import type { SingleSession } from '#libs/hub/sessions/single-session.ts';
import type { Presence } from '#libs/presence/presence.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { Background } from '#libs/telemetry/background.ts';
import type { Counts } from './counts.ts';
import type { PrivateRooms } from './private-rooms.ts';

export interface HealerOptions {
  readonly users: LocalUsers;
  readonly rooms: Rooms;
  readonly counts: Counts;
  readonly presence: Pick<Presence, 'counts'>;
  readonly privateRooms: Pick<PrivateRooms, 'heal'>;
  /** Undefined if a user may have several logins. */
  readonly single: SingleSession | undefined;
  readonly background: Background;
  readonly clock: Pick<Clock, 'wait'>;
}

/** After a bug the counts are asked for again: so many milliseconds later, so often. */
const AGAIN_MS = 2000;
const TRIES = 5;

interface Doubted {
  readonly room: Room;
  /**
   * The room's count of signals when it was asked about. If it has grown, presence has sent a newer
   * count than the answer.
   */
  readonly signals: number;
}

/** Reads again the state that lost signals would have reported. */
export class Healer {
  readonly #options: HealerOptions;

  constructor(options: HealerOptions) {
    this.#options = options;
  }

  /** Signals of these topics may have been lost. A backend that goes away again heals again. */
  heal(topics: readonly Topic[]): void {
    const { users, single, privateRooms } = this.#options;
    const rooms: Room[] = [];
    const connections: Connection[] = [];
    const ids: string[] = [];
    for (const topic of topics) {
      const room = topic.startsWith('r:') ? this.#options.rooms.get(topic.slice(2)) : undefined;
      if (room !== undefined) rooms.push(room);
      if (!topic.startsWith('u:')) continue;
      const user = topic.slice(2);
      ids.push(user);
      if (single !== undefined) connections.push(...users.of(user));
    }
    privateRooms.heal(ids);
    single?.doubt(connections);
    this.#recount(rooms, 1);
  }

  #recount(rooms: readonly Room[], attempt: number): void {
    const { background, clock } = this.#options;
    const again = async (): Promise<void> => {
      await clock.wait(AGAIN_MS);
      this.#recount(rooms, attempt + 1);
    };
    const doubted = rooms.map((room) => ({ room, signals: room.countSignals }));
    background.run('counts', () => this.#ask(doubted), attempt < TRIES ? () => background.run('counts', again) : undefined);
  }

  /** Rejects with bugs only. */
  async #ask(rooms: readonly Doubted[]): Promise<void> {
    const { presence, counts } = this.#options;
    try {
      const answers = await presence.counts(rooms.map(({ room }) => room.name));
      for (const [index, { room, signals }] of rooms.entries()) {
        const count = answers[index];
        if (count !== undefined && room.countSignals === signals) counts.room(room, count);
      }
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
    }
  }
}
