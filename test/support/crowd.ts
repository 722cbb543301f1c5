import { setTimeout as delay } from 'node:timers/promises';

import { ChatClient, type ChatClientOptions } from './chat-client.ts';
import type { GatewayProcess } from './gateway-process.ts';
import { type Comparison, compareLedgers } from './ledger.ts';
import type { Random } from './random.ts';
import { until } from './wait.ts';

export interface CrowdOptions {
  readonly room: string;
  readonly random: Random;
  /** One user for each, named `<prefix><n>`, on the gateway given. */
  readonly on: readonly GatewayProcess[];
  readonly prefix?: string;
  /** Where to go after the line was lost. Default: any of `on` that lives. */
  readonly back?: () => string;
  readonly client?: ChatClientOptions;
}

/** Users in one room who talk all the time, stay connected whatever happens, and keep ledgers. */
export class Crowd {
  readonly clients: readonly ChatClient[];
  readonly room: string;
  readonly #random: Random;
  #talking = false;
  #talk: Promise<void>[] = [];
  #said = 0;

  private constructor(clients: readonly ChatClient[], room: string, random: Random) {
    this.clients = clients;
    this.room = room;
    this.#random = random;
  }

  /** Resolves when all are in the room. */
  static async gather(options: CrowdOptions): Promise<Crowd> {
    const { room, random, on, prefix = 'u' } = options;
    const back = options.back ?? (() => random.pick(on.filter((gateway) => !gateway.ended)).url);
    const clients = await Promise.all(
      on.map(async (gateway, i) => {
        const client = await ChatClient.connect(gateway.url, `${prefix}${i}`, options.client);
        await client.join(room);
        client.stayConnected(back);
        return client;
      }),
    );
    return new Crowd(clients, room, random);
  }

  /** Messages acked so far, over all. */
  get said(): number {
    return this.#said;
  }

  /** From now on everybody says something about every `everyMs`, and repeats it until it is acked. */
  talk(everyMs = 100): void {
    this.#talking = true;
    this.#talk = this.clients.map(async (client) => {
      for (let i = 0; this.#talking; i += 1) {
        await client.say(this.room, `${client.user} ${i}`);
        this.#said += 1;
        await delay(this.#random.between(0.5 * everyMs, 1.5 * everyMs));
      }
    });
    // Awaited in `rest`; a failure before that must not end the process.
    for (const talk of this.#talk) talk.catch(() => {});
  }

  /** Resolves when so many more messages were acked. */
  async progress(messages: number, timeoutMs = 30_000): Promise<void> {
    const goal = this.#said + messages;
    await until(() => this.#said >= goal, { timeoutMs, describe: () => `${goal} messages acked, have ${this.#said}` });
  }

  /** Ends the talk: resolves when every message begun was acked and all stand at the same place. */
  async rest(others: readonly ChatClient[] = [], timeoutMs = 20_000): Promise<void> {
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

  compare(others: readonly ChatClient[] = []): Comparison {
    return compareLedgers(
      [...this.clients, ...others].map((client) => client.ledger),
      this.room,
    );
  }

  async close(): Promise<void> {
    this.#talking = false;
    await Promise.all(this.clients.map((client) => client.close()));
  }
}
