import type { Broker } from '#libs/broker/broker.ts';
import { Counts } from '#libs/hub/delivery/counts.ts';
import { Joins } from '#libs/hub/delivery/joins.ts';
import { PrivateRooms } from '#libs/hub/delivery/private-rooms.ts';
import { Relay } from '#libs/hub/delivery/relay.ts';
import { UnknownSignals } from '#libs/hub/delivery/unknown-signals.ts';
import { NewRooms } from '#libs/hub/limits/new-rooms.ts';
import { Rooms } from '#libs/hub/rooms/rooms.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { Faults } from '#libs/hub/sessions/faults.ts';
import { LocalUsers } from '#libs/hub/sessions/local-users.ts';
import { type Retention, Standing } from '#libs/messages/room-access.ts';
import type { Presence } from '#libs/presence/presence.ts';
import type { CursorStore } from '#libs/store/message-store.ts';
import { WatchedBackground } from './background.ts';
import { muteStats } from './mute-stats.ts';
import { turn } from './turn.ts';
import { openConnection } from './unit-connection.ts';

/** Options of `DeliveryStage`. */
export interface DeliveryStageOptions {
  readonly room: string;
  readonly retention: Retention;
  readonly broker: Pick<Broker, 'subscribe' | 'unsubscribe' | 'after' | 'before'>;
  readonly cursors: Pick<CursorStore, 'delivered' | 'waiting'>;
  /** Announces the user. Resolves with the count of the room. */
  enter(): Promise<number>;
  /** Resolves if the user may enter the room. Default: at once. */
  allow?(): Promise<void>;
}

type Send = (frame: string) => void;

/**
 * The deliveries of one node to one room, with the real parts. The test plays backend and network.
 */
export class DeliveryStage {
  readonly users = new LocalUsers({ subscribeUser: async () => undefined, unsubscribe: () => undefined });
  readonly background = new WatchedBackground();
  readonly rooms: Rooms;
  readonly joins: Joins;
  readonly privateRooms: PrivateRooms;
  readonly relay: Relay;
  /** The unexpected errors of the relay. */
  readonly bugs: unknown[] = [];
  readonly #options: DeliveryStageOptions;
  readonly #topics = new Map<string, Set<Send>>();

  constructor(options: DeliveryStageOptions) {
    this.#options = options;
    const { cursors } = options;
    const broker = options.broker as Broker;
    const { users, background } = this;
    const stats = muteStats();
    const fanout = { publish: (topic: string, frame: string | Uint8Array) => this.#publish(topic, frame) };
    const counts = new Counts(fanout);
    const clock = { steady: () => 0, wait: () => turn() };
    const presence = { enter: () => options.enter(), leave: async () => undefined } as unknown as Presence;
    this.rooms = new Rooms(broker, new NewRooms(0, () => undefined), () => 0);
    const { rooms } = this;
    this.privateRooms = new PrivateRooms({
      users,
      broker,
      cursors,
      access: { standing: async () => Standing.member },
      stats,
      background,
      now: () => 0,
      clock,
    });
    const { privateRooms } = this;
    const faults = new Faults({ log: { error: (bug: unknown) => void this.bugs.push(bug) }, met: () => undefined });
    this.joins = new Joins({ rooms, counts, broker, presence, stats, faults, privateRooms, roomLimit: 100, background, clock });
    this.relay = new Relay({
      node: 'n',
      rooms,
      counts,
      fanout,
      acks: { relayed: () => undefined },
      stats,
      now: () => 1,
      userSignal: () => undefined,
      closed: () => undefined,
      unknownSignals: new UnknownSignals({ log: { warn: () => undefined }, ignored: () => undefined, steady: () => 0 }),
      healed: () => undefined,
      connectivity: () => undefined,
      failed: (bug) => void this.bugs.push(bug),
    });
  }

  /** Opens a session of ann. `buffered`: the bytes in its outbox. */
  connect(send: Send, options: { readonly id?: string; readonly isCaughtUp?: boolean; readonly buffered?: () => number } = {}): Connection {
    const socket = {
      subscribe: (topic: string) => this.#topics.set(topic, (this.#topics.get(topic) ?? new Set()).add(send)),
      unsubscribe: (topic: string) => this.#topics.get(topic)?.delete(send),
    };
    const connection = openConnection(this.users.enter('ann', 'Ann', 'user'), send, { ...options, socket });
    this.users.add(connection);
    return connection;
  }

  join(connection: Connection, id: string, since?: { readonly epoch: string; readonly offset: number }): void {
    const { room, retention, allow } = this.#options;
    const membership = { room, retention, members: ['ann', 'bob'] };
    this.joins.join(connection, id, room, since, {
      known: () => (allow === undefined ? membership : undefined),
      ask: async () => {
        await allow?.();
        return membership;
      },
    });
  }

  #publish(topic: string, frame: string | Uint8Array): void {
    for (const send of [...(this.#topics.get(topic) ?? [])]) send(Buffer.from(frame).toString());
  }
}
