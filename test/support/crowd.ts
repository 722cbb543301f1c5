import { setTimeout as delay } from 'node:timers/promises';

import type { FleetClientOptions } from './client-fleet.ts';
import { signToken } from './jwt.ts';
import { type Comparison, compareLedgers, type Ledger, type Violation } from './ledger.ts';
import type { Random } from './random.ts';
import { StayingClient } from './staying-client.ts';
import { until } from './wait.ts';

/** A gateway, or a proxy in front of one. */
interface Place {
  readonly url: string;
  readonly ended: boolean;
}

/** Another member of the room. */
interface Member {
  readonly user: string;
  readonly ledger: Ledger;
  readonly connected: boolean;
}

/** Options of `Crowd`. */
export interface CrowdOptions {
  readonly room: string;
  readonly random: Random;
  /** The first gateway of each user. The users are named `<prefix><n>`. */
  readonly on: readonly Place[];
  readonly prefix?: string;
  /** Returns the gateway for a reconnect. Default: any living one of `on`. */
  readonly back?: () => string;
  /** Returns a user's token for each attempt to connect. Default: one of every test's secret. */
  readonly tokenFor?: (user: string) => string;
  /** Returns the client of a user. Default: that of this version. */
  readonly sdk?: (user: string) => FleetClientOptions['sdk'];
}

/**
 * Users in one room who publish all the time, stay connected whatever happens, and keep ledgers.
 */
export class Crowd {
  readonly clients: readonly StayingClient[];
  readonly room: string;
  readonly #random: Random;
  #talking = false;
  #talk: Promise<void>[] = [];
  #said = 0;
  readonly #texts = new Set<string>();
  #failure: unknown;

  private constructor(clients: readonly StayingClient[], room: string, random: Random) {
    this.clients = clients;
    this.room = room;
    this.#random = random;
  }

  /** Resolves when all are in the room. */
  static async gather(options: CrowdOptions): Promise<Crowd> {
    const { room, random, on, prefix = 'u', tokenFor = (user: string) => signToken({ sub: user }), sdk } = options;
    const back = options.back ?? (() => random.pick(on.filter(({ ended }) => !ended)).url);
    const clients = await Promise.all(
      on.map(async (place, i) => {
        let url = (): string => place.url;
        const user = `${prefix}${i}`;
        const client = new StayingClient({ user, url: () => url(), getToken: () => tokenFor(user), sdk: sdk?.(user) });
        await client.client.join(room);
        url = back;
        return client;
      }),
    );
    return new Crowd(clients, room, random);
  }

  /** The number of acknowledged messages of all users. */
  get said(): number {
    return this.#said;
  }

  /** Starts the messages: each user publishes about every `everyMs`. No text comes twice. */
  talk(everyMs = 100): void {
    this.#talking = true;
    this.#talk = this.clients.map(async (client) => {
      while (this.#talking) {
        const text = `${client.user} ${this.#texts.size}`;
        this.#texts.add(text);
        await client.say(this.room, text);
        this.#said += 1;
        await delay(this.#random.between(0.5 * everyMs, 1.5 * everyMs));
      }
    });
    // Awaited in `rest`. An earlier failure must not end the process.
    for (const talk of this.#talk) {
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
      describe: () => `${goal} messages acked, have ${this.#said}`,
    });
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * Stops the messages. Resolves when every message is acknowledged and all users are at the same
   * position.
   */
  async rest(others: readonly Member[] = [], timeoutMs = 60_000): Promise<void> {
    this.#talking = false;
    await Promise.all(this.#talk);
    const all = [...this.clients, ...others];
    const places = (): Set<string> => new Set(all.map((client) => JSON.stringify(client.ledger.position(this.room))));
    await until(() => places().size === 1 && all.every((client) => client.connected), {
      timeoutMs,
      describe: () =>
        `all in one place: ${all.map((client) => `${client.user} ${JSON.stringify(client.ledger.position(this.room))}`).join('\n')}`,
    });
  }

  /**
   * Compares the ledgers, with those of others in the room, and adds messages that were shown
   * twice.
   */
  compare(others: readonly Member[] = []): Comparison {
    const ledgers = [...this.clients, ...others].map((client) => client.ledger);
    const { violations, ...rest } = compareLedgers(ledgers, this.room);
    return { ...rest, violations: [...violations, ...this.#repeated()] };
  }

  async close(): Promise<void> {
    this.#talking = false;
    await Promise.all(this.clients.map((client) => client.close()));
  }

  /** A receiver recognises a repeated message by its id, whatever was lost meanwhile (M2). */
  #repeated(): Violation[] {
    const idsOf = new Map([...this.#texts].map((text) => [text, new Set<string>()]));
    for (const { shown } of this.clients) for (const { id, text = '' } of shown) idsOf.get(text)?.add(id);
    return [...idsOf].flatMap(([text, ids]) =>
      ids.size > 1 ? [{ kind: 'duplicate', detail: `"${text}" is ${[...ids].join(', ')}` }] : [],
    );
  }
}
