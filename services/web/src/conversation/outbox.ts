/** Own messages that the hub has not acknowledged yet. */
import type { Message } from './timeline.ts';

/** `pending`: on its way. `failed`: given up. With `canRetry`, a retry may help. */
export interface OutboxEntry {
  /** The client's id of the message. A retry keeps it (M2). */
  readonly id: string;
  readonly text: string;
  /** When it was written, Unix milliseconds. */
  readonly at: number;
  readonly state: 'pending' | 'failed';
  /** Error code, if it failed. */
  readonly code?: string;
  readonly canRetry?: boolean;
  /** How often the hub refused it. */
  readonly refusals?: number;
  /** Id of the message in the timeline, if it came back over the room before its `ack`. */
  readonly messageId?: string;
}

const REFUSALS_MAX = 3;

/** The messages on their way, oldest first. */
export class Outbox {
  #entries: readonly OutboxEntry[] = [];

  get entries(): readonly OutboxEntry[] {
    return this.#entries;
  }

  get(id: string): OutboxEntry | undefined {
    return this.#entries.find((entry) => entry.id === id);
  }

  add(id: string, text: string, at: number): void {
    this.#entries = [...this.#entries, { id, text, at, state: 'pending' }];
  }

  /** A message of before a reload. */
  restore(entry: OutboxEntry): void {
    this.#entries = [...this.#entries, entry];
  }

  /** The hub acknowledged it. */
  remove(id: string): void {
    this.#entries = this.#entries.filter((entry) => entry.id !== id);
  }

  retry(id: string): void {
    this.#change(id, ({ id: same, text, at, messageId }) => ({
      id: same,
      text,
      at,
      state: 'pending',
      ...(messageId === undefined ? {} : { messageId }),
    }));
  }

  /** The client gave up. `canRetry`: a retry may help. */
  fail(id: string, code: string, canRetry: boolean): void {
    this.#change(id, (entry) => ({ ...entry, state: 'failed', code, canRetry }));
  }

  /**
   * The hub refused it, but the client will try again. After `REFUSALS_MAX` refusals it counts as
   * failed.
   */
  refuse(id: string, code: string): void {
    this.#change(id, (entry) => {
      const refusals = (entry.refusals ?? 0) + 1;
      return refusals < REFUSALS_MAX ? { ...entry, refusals } : { ...entry, refusals, state: 'failed', code, canRetry: true };
    });
  }

  /**
   * A message of mine came over the room. Links it with the first entry of the same text that has
   * no message yet.
   */
  adopt(message: Message): void {
    const entry = this.#entries.find(({ messageId, text }) => messageId === undefined && text === message.text);
    if (entry !== undefined) this.#change(entry.id, (one) => ({ ...one, messageId: message.id }));
  }

  #change(id: string, change: (entry: OutboxEntry) => OutboxEntry): void {
    this.#entries = this.#entries.map((entry) => (entry.id === id ? change(entry) : entry));
  }
}
