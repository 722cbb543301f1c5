/** Own messages that the hub has not acknowledged. */
import type { Message } from './timeline.ts';

/** `pending`: on its way. `failed`: given up; if `canRetry`, another try may help. */
export interface OutboxEntry {
  /** The sender's own id of it, the same at every try (M2). */
  readonly id: string;
  readonly text: string;
  /** When it was written, Unix milliseconds. */
  readonly at: number;
  readonly state: 'pending' | 'failed';
  /** Code of the refusal, where it failed. */
  readonly code?: string;
  readonly canRetry?: boolean;
  /** Times it was refused. */
  readonly refusals?: number;
  /** The message it is shown as already: it came back over the room before its acknowledgement. */
  readonly messageId?: string;
}

const REFUSALS_MAX = 3;

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

  /** The hub has it. */
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

  /** The hub refused it for good. */
  fail(id: string, code: string, canRetry: boolean): void {
    this.#change(id, (entry) => ({ ...entry, state: 'failed', code, canRetry }));
  }

  /** The hub refused it, and the client tries again. After `REFUSALS_MAX` times it counts as failed. */
  refuse(id: string, code: string): void {
    this.#change(id, (entry) => {
      const refusals = (entry.refusals ?? 0) + 1;
      return refusals < REFUSALS_MAX ? { ...entry, refusals } : { ...entry, refusals, state: 'failed', code, canRetry: true };
    });
  }

  /** A message of mine came over the room: the first entry with this text and without a place is taken for it. */
  adopt(message: Message): void {
    const entry = this.#entries.find(({ messageId, text }) => messageId === undefined && text === message.text);
    if (entry !== undefined) this.#change(entry.id, (one) => ({ ...one, messageId: message.id }));
  }

  #change(id: string, change: (entry: OutboxEntry) => OutboxEntry): void {
    this.#entries = this.#entries.map((entry) => (entry.id === id ? change(entry) : entry));
  }
}
