import { Poll } from '#libs/process/poll.ts';
import type { EventStore } from '#libs/store/event-store.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import { type StoredEventOf, type StoredKind, storedEvent } from './events.ts';

/** Acts on stored events of some kinds in this process. */
export interface EventListener<K extends StoredKind> {
  /**
   * Applies events in this order. An event may come again. If this rejects, the feed reads the same
   * events again.
   */
  apply(events: readonly StoredEventOf<K>[]): Promise<void>;
  /**
   * Asks the store about everything that this process holds: events may be missing. If this
   * rejects, the feed calls it again.
   */
  recheck(): Promise<void>;
  /** Every event committed more than `ageMs` milliseconds ago is applied. */
  upToDate(ageMs: number): void;
}

/** Options of `EventFeed`. */
export interface EventFeedOptions<K extends StoredKind> {
  readonly source: Pick<EventStore, 'since'>;
  readonly kinds: readonly K[];
  /** Returns undefined while no event can concern this process. */
  readonly listener: () => EventListener<K> | undefined;
  /** Milliseconds of any steady clock. */
  readonly steady: () => number;
  readonly log: Logger;
  /**
   * Milliseconds between two reads. Default 500: lost access takes effect within 2 s (R7), even if
   * one read fails.
   */
  readonly everyMs?: number;
}

const EVERY_MS = 500;

/**
 * Gives this process every stored event from its start on. Each process with a feed gets every
 * event. If the log cannot be read, or if the listener rejects, the position stays: the feed reads
 * the same events again.
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

  /** True once the log has been read. Events before the first read may be missing. */
  get ready(): boolean {
    return this.#mark !== undefined;
  }

  /** Seconds since the begin of the last successful read; undefined before the first. */
  get lag(): number | undefined {
    return this.#poll.lag;
  }

  /** Starts the feed. Resolves after the first read, even if that read failed: the feed retries. */
  start(): Promise<void> {
    return this.#poll.refresh();
  }

  /** Stops the feed. Resolves when no read is under way. */
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
      // The mark moves last: events that the listener did not apply are read again.
      this.#mark = page.mark;
      more = page.more;
      if (!more) to?.upToDate(steady() - asked);
    }
  }
}
