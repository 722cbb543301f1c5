import type { ChatClient } from './chat-client.ts';
import type { Timers } from './timers.ts';

/**
 * A message is shown before it is stored, and the hub passes over what is said of one that is not: it is told this much later, milliseconds. Who goes
 * away within that time finds it unread again, which is the harmless side.
 */
const LATER_MS = 1_000;

/** Tells the hub what was read, a little later, each offset once (M6). */
export class ReadReceipts {
  readonly #client: Pick<ChatClient, 'delivered'>;
  readonly #timers: Pick<Timers, 'after'>;
  readonly #told = new Map<string, number>();
  readonly #waiting = new Map<string, number>();

  constructor(client: Pick<ChatClient, 'delivered'>, timers: Pick<Timers, 'after'>) {
    this.#client = client;
    this.#timers = timers;
  }

  /** Everything in the room up to this offset. */
  read(room: string, offset: number): void {
    if (offset <= (this.#told.get(room) ?? 0)) return;
    const waits = this.#waiting.has(room);
    this.#waiting.set(room, Math.max(offset, this.#waiting.get(room) ?? 0));
    if (!waits) this.#timers.after(LATER_MS, () => this.#tell(room));
  }

  /** Tells now what would be told later: the page goes away. */
  flush(): void {
    for (const room of [...this.#waiting.keys()]) this.#tell(room);
  }

  #tell(room: string): void {
    const offset = this.#waiting.get(room);
    if (offset === undefined) return;
    this.#waiting.delete(room);
    this.#told.set(room, offset);
    this.#client.delivered(room, offset);
  }
}
