import { setTimeout as delay } from 'node:timers/promises';
import { isPrivateRoom } from '#libs/protocol/room-kinds.ts';
import type { FleetClientOptions } from './client-fleet.ts';
import type { HistoryAudit } from './history-audit.ts';
import type { Random } from './random.ts';
import { StayingClient } from './staying-client.ts';
import { until } from './wait.ts';

/** Options of `Writers`. */
export interface WritersOptions {
  readonly users: readonly string[];
  /** Returns the rooms of each user. Rooms that the hub does not manage are joined. */
  readonly rooms: (user: string) => readonly string[];
  readonly random: Random;
  /** Returns the gateway for each connect and reconnect. */
  readonly url: () => string;
  readonly audit: HistoryAudit;
  /** Returns the client of a user. Default: that of this version. */
  readonly sdk?: (user: string) => FleetClientOptions['sdk'];
}

/** Users who publish to several rooms and stay connected whatever happens. */
export class Writers {
  readonly clients: readonly StayingClient[];
  readonly #options: WritersOptions;
  #talks: Promise<void>[] = [];
  #talking = false;
  #said = 0;
  #failure: unknown;

  private constructor(clients: readonly StayingClient[], options: WritersOptions) {
    this.clients = clients;
    this.#options = options;
  }

  static async gather(options: WritersOptions): Promise<Writers> {
    const { users, rooms, url, sdk } = options;
    const clients = await Promise.all(
      users.map(async (user) => {
        const client = new StayingClient({ user, url, sdk: sdk?.(user) });
        const joined = new Set(rooms(user).filter((room) => !isPrivateRoom(room)));
        await Promise.all([...joined].map((room) => client.client.join(room)));
        return client;
      }),
    );
    return new Writers(clients, options);
  }

  /** The number of acknowledged messages of all users. */
  get said(): number {
    return this.#said;
  }

  /**
   * Starts the messages: each user publishes about every `everyMs`. Texts start with `prefix`,
   * which is used once.
   */
  talk(prefix: string, everyMs: number): void {
    const { rooms, random, audit } = this.#options;
    this.#talking = true;
    this.#talks = this.clients.map(async (client) => {
      for (let i = 0; this.#talking; i += 1) {
        const room = random.pick(rooms(client.user));
        const text = `${prefix} ${client.user} ${i}`;
        const { id, offset = Number.NaN } = await client.say(room, text);
        audit.acked(client.user, { room, text, id, offset });
        this.#said += 1;
        await delay(random.between(0.5 * everyMs, 1.5 * everyMs));
      }
    });
    for (const talk of this.#talks) {
      talk.catch((error: unknown) => {
        this.#failure ??= error;
      });
    }
  }

  /** Resolves when this many more messages are acknowledged. */
  async progress(messages: number, timeoutMs = 60_000): Promise<void> {
    const goal = this.#said + messages;
    await until(() => this.#said >= goal || this.#failure !== undefined, {
      timeoutMs,
      describe: () => `${goal} messages acked, have ${this.#said}; ${this.clients.filter(({ connected }) => connected).length} connected`,
    });
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * Stops the messages. Resolves when every message is acknowledged, and all users in a room are at
   * the same position.
   */
  async rest(timeoutMs = 60_000): Promise<void> {
    this.#talking = false;
    await Promise.all(this.#talks);
    await until(() => this.scattered().length === 0, { timeoutMs, describe: () => `all in one place: ${this.scattered().join('; ')}` });
    for (const { user, shown } of this.clients) this.#options.audit.shown(user, shown.splice(0));
  }

  /** Returns the joined rooms whose members are at different positions, or not connected. */
  scattered(): string[] {
    const places = new Map<string, Set<string>>();
    for (const client of this.clients) {
      for (const room of this.#options.rooms(client.user)) {
        if (isPrivateRoom(room)) continue;
        const place = client.connected ? JSON.stringify(client.ledger.position(room)) : `${client.user} away`;
        places.set(room, (places.get(room) ?? new Set()).add(place));
      }
    }
    return [...places].flatMap(([room, found]) => (found.size > 1 ? [`${room}: ${[...found].slice(0, 5).join(' ')}`] : []));
  }

  async close(): Promise<void> {
    this.#talking = false;
    await Promise.all(this.clients.map((client) => client.close()));
  }
}
