import { setTimeout as delay } from 'node:timers/promises';
import type { Dialect, Place } from './dialect.ts';
import { LoadClient } from './load-client.ts';
import { clientFrame } from './message-frame.ts';
import type { Flooding } from './plan.ts';

const TICK_MS = 10;
/** How long the end of a connection may take to show after it reads again. */
const WAKE_MS = 1_000;

/** One connection that gets more than it reads, from a publisher in a room of the two. */
export class Flood {
  readonly #publisher: LoadClient;
  readonly #flooded: LoadClient;
  readonly #dialect: Dialect;
  readonly #place: Place;
  readonly #flooding: Flooding;
  #timer: NodeJS.Timeout | undefined;
  #number = 0;

  private constructor(dialect: Dialect, place: Place & { readonly port: number }, flooding: Flooding) {
    this.#dialect = dialect;
    this.#place = place;
    this.#flooding = flooding;
    const client = () => new LoadClient({ port: place.port, dialect, place, lazy: false });
    this.#publisher = client();
    this.#flooded = client();
  }

  /** Connects both. @throws Error if one is refused. */
  static async start(dialect: Dialect, place: Place & { readonly port: number }, flooding: Flooding): Promise<Flood> {
    const flood = new Flood(dialect, place, flooding);
    await flood.#publisher.open();
    await flood.#flooded.open();
    return flood;
  }

  /** The flooded connection enters a room of others, too, if it can. */
  async enter(room: string): Promise<void> {
    const question = this.#dialect.join?.(room, '1');
    if (question !== undefined) await this.#flooded.ask(question);
  }

  begin(): void {
    const { sleeping, floodRate, floodBytes } = this.#flooding;
    if (sleeping) this.#flooded.sleep();
    const text = 'x'.repeat(floodBytes);
    const started = performance.now();
    this.#timer = setInterval(() => {
      for (const due = ((performance.now() - started) / 1000) * floodRate; this.#number < due; this.#number++) {
        this.#publisher.send(clientFrame(Buffer.from(this.#dialect.message(text, `f${Math.floor(started)}-${this.#number}`, this.#place))));
      }
    }, TICK_MS);
  }

  /** Ends both. Resolves with whether the server had cut off the flooded one. */
  async end(): Promise<boolean> {
    clearInterval(this.#timer);
    this.#flooded.wake();
    await delay(WAKE_MS);
    const cutOff = this.#flooded.broken;
    this.#flooded.end();
    this.#publisher.end();
    return cutOff;
  }
}
