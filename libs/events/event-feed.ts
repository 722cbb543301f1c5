import { Poll } from '#libs/process/poll.ts';
import type { EventStore } from '#libs/store/event-store.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import { type StoredEventOf, type StoredKind, storedEvent } from './events.ts';

/** Acts on events of some kinds, in this process. */
export interface EventListener<K extends StoredKind> {
  /** Applies events, in this order; the same may come again. Rejects if it has to be tried again. */
  apply(events: readonly StoredEventOf<K>[]): Promise<void>;
  /** Events may have been missed: asks about everything that is held. Rejects if it has to be tried again. */
  recheck(): Promise<void>;
  /** Everything that was committed more than so many milliseconds ago is applied. */
  upToDate(ageMs: number): void;
}

export interface EventFeedOptions<K extends StoredKind> {
  readonly source: Pick<EventStore, 'since'>;
  readonly kinds: readonly K[];
  /** Undefined while there is nobody whom an event could concern. */
  readonly listener: () => EventListener<K> | undefined;
  /** Milliseconds of any steady clock. */
  readonly steady: () => number;
  readonly log: Logger;
  /** Milliseconds between two looks. Default 500: lost access holds within 2 s (R7), a look that fails included. */
  readonly everyMs?: number;
}

const EVERY_MS = 500;

/**
 * Follows the stored events from its start on, for this process alone: each process that follows gets every event. While the log cannot be read, or the
 * listener rejects, the position stays, and what was missed comes afterwards.
 */
export class EventFeed<K extends StoredKind> {
  readonly #options: EventFeedOptions<K>;
  readonly #poll: Poll;
  #mark: string | undefined;

  constructor(options: EventFeedOptions<K>) {
    this.#options = options;
    this.#poll = new Poll({
      work: () => this.#look(),
      everyMs: options.everyMs ?? EVERY_MS,
      log: options.log,
      failing: 'events cannot be read',
      working: 'events are read again',
    });
  }

  /** Whether the log was read once. An event before that could be missed. */
  get ready(): boolean {
    return this.#mark !== undefined;
  }

  /** Begins. Resolves when the log was read for the first time, or tried to: it goes on trying. */
  start(): Promise<void> {
    return this.#poll.refresh();
  }

  stop(): Promise<void> {
    return this.#poll.stop();
  }

  async #look(): Promise<void> {
    const { source, kinds, listener, steady } = this.#options;
    const asked = steady();
    for (let more = true; more; ) {
      const page = await source.since(this.#mark, kinds);
      const to = listener();
      if (this.#mark === undefined || !page.complete) await to?.recheck();
      else if (page.entries.length > 0) await to?.apply(page.entries.map((row) => storedEvent(row) as StoredEventOf<K>));
      // What was not applied comes again.
      this.#mark = page.mark;
      more = page.more;
      if (!more) to?.upToDate(steady() - asked);
    }
  }
}
