import { setTimeout as delay } from 'node:timers/promises';

import { type Comparison, compareLedgers, type Ledger, type Violation } from './ledger.ts';
import type { Random } from './random.ts';
import { StayingClient } from './staying-client.ts';
import { until } from './wait.ts';

/** A gateway, or what stands before one. */
interface Place {
  readonly url: string;
  readonly ended: boolean;
}

/** Somebody who is in the room, too. */
interface Member {
  readonly user: string;
  readonly ledger: Ledger;
  readonly connected: boolean;
}

export interface CrowdOptions {
  readonly room: string;
  readonly random: Random;
  /** One user for each, named `<prefix><n>`, there to begin with. */
  readonly on: readonly Place[];
  readonly prefix?: string;
  /** Where to go after the line was lost. Default: any of `on` that lives. */
  readonly back?: () => string;
}

/** Users in one room who talk all the time, stay connected whatever happens, and keep ledgers of it. */
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
    const { room, random, on, prefix = 'u' } = options;
    const back = options.back ?? (() => random.pick(on.filter(({ ended }) => !ended)).url);
    const clients = await Promise.all(
      on.map(async (place, i) => {
        let url = (): string => place.url;
        const client = new StayingClient({ user: `${prefix}${i}`, url: () => url() });
        await client.client.join(room);
        url = back;
        return client;
      }),
    );
    return new Crowd(clients, room, random);
  }

  /** Messages acked so far, over all. */
  get said(): number {
    return this.#said;
  }

  /** From now on everybody says something about every `everyMs`. No text comes twice. */
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
    // Awaited in `rest`; a failure before that must not end the process.
    for (const talk of this.#talk) {
      talk.catch((error: unknown) => {
        this.#failure ??= error;
      });
    }
  }

  /** Resolves when so many more messages were acked. */
  async progress(messages: number, timeoutMs = 60_000): Promise<void> {
    const goal = this.#said + messages;
    await until(() => this.#said >= goal || this.#failure !== undefined, {
      timeoutMs,
      describe: () => `${goal} messages acked, have ${this.#said}`,
    });
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Ends the talk: resolves when every message begun was acked and all stand at the same place. */
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

  /** What the ledgers tell, those of others in the room included, and what was said once and shown twice. */
  compare(others: readonly Member[] = []): Comparison {
    const ledgers = [...this.clients, ...others].map((client) => client.ledger);
    const { violations, ...rest } = compareLedgers(ledgers, this.room);
    return { ...rest, violations: [...violations, ...this.#repeated()] };
  }

  async close(): Promise<void> {
    this.#talking = false;
    await Promise.all(this.clients.map((client) => client.close()));
  }

  /** A receiver knows a message again by its id, whatever was lost meanwhile (M2). */
  #repeated(): Violation[] {
    const idsOf = new Map([...this.#texts].map((text) => [text, new Set<string>()]));
    for (const { shown } of this.clients) for (const { id, text = '' } of shown) idsOf.get(text)?.add(id);
    return [...idsOf].flatMap(([text, ids]) =>
      ids.size > 1 ? [{ kind: 'duplicate', detail: `"${text}" is ${[...ids].join(', ')}` }] : [],
    );
  }
}
