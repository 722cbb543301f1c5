import { setTimeout as delay } from 'node:timers/promises';
import { Poll } from '#libs/process/poll.ts';
import type { EventStore } from '#libs/store/event-store.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import { type StoredEventOf, type StoredKind, storedEvent } from './events.ts';

/** Options of `SharedFeed`. */
export interface SharedFeedOptions<K extends StoredKind> {
  readonly source: EventStore;
  /** The name of a row of `event_consumers`. A migration makes the row. */
  readonly consumer: string;
  readonly kinds: readonly K[];
  /** The feed skips events that are older than this, milliseconds. Default: no limit. */
  readonly maxAgeMs?: number;
  /** Handles events in this order. If it rejects, the same events come again. */
  readonly handle: (events: readonly StoredEventOf<K>[]) => Promise<void>;
  /** The name of this process among all. */
  readonly holder: string;
  readonly log: Logger;
  /**
   * Milliseconds between two reads. They find the events of processes that died before they handled
   * their own. Default 500.
   */
  readonly everyMs?: number;
}

const EVERY_MS = 500;
/**
 * Milliseconds for which a process holds the consumer. If it dies, no other has it for that long.
 */
const HELD_MS = 5000;
/** Milliseconds of one pause while another process holds the consumer, and pauses of one turn. */
const BUSY_MS = 20;
const BUSY_TRIES = 50;
/** The most milliseconds that `wake` waits. */
const PATIENCE_MS = 2000;
/**
 * Milliseconds after which a position moves even if there is no event: from an old position each
 * read takes longer.
 */
const MOVE_MS = 600_000;

/**
 * Gives each stored event to one of all processes. They share one position in the database. An
 * event is handled at least once: if a process dies between handling a page and moving the
 * position, the page comes again.
 */
export class SharedFeed<K extends StoredKind> {
  readonly #options: SharedFeedOptions<K>;
  readonly #poll: Poll;
  #isUnderWay = false;
  #movedAt = Number.NEGATIVE_INFINITY;

  constructor(options: SharedFeedOptions<K>) {
    this.#options = options;
    this.#poll = new Poll({
      work: () => this.#turn(),
      everyMs: options.everyMs ?? EVERY_MS,
      log: options.log,
      failing: `events for ${options.consumer} cannot be handled`,
      working: `events for ${options.consumer} are handled again`,
    });
  }

  /** Starts the feed. Resolves after the first read. Never rejects: the feed retries. */
  async start(): Promise<void> {
    await this.#poll.refresh();
  }

  /**
   * Handles the events committed by now. Call it after a write: without it they wait for the next
   * read. Resolves after one attempt, or after two seconds. Never rejects: events that were not
   * handled come again.
   */
  async wake(): Promise<void> {
    await Promise.race([this.#freshTurn(), delay(PATIENCE_MS, undefined, { ref: false })]);
  }

  /** Stops the feed. Resolves when no turn is under way. */
  stop(): Promise<void> {
    return this.#poll.stop();
  }

  /** A turn under way may have read before the caller wrote. The next turn reads after that. */
  async #freshTurn(): Promise<void> {
    if (this.#isUnderWay) await this.#poll.refresh();
    await this.#poll.refresh();
  }

  async #turn(): Promise<void> {
    this.#isUnderWay = true;
    try {
      for (let busy = 0; busy < BUSY_TRIES; ) {
        const done = await this.#page();
        if (done === 'nothing') return;
        if (done === 'handled') continue;
        busy += 1;
        await delay(BUSY_MS, undefined, { ref: false });
      }
    } finally {
      this.#isUnderWay = false;
    }
  }

  async #page(): Promise<'handled' | 'nothing' | 'busy'> {
    const { source, consumer, kinds, maxAgeMs = Number.POSITIVE_INFINITY, handle, holder } = this.#options;
    const { position, isFree } = await source.position(consumer);
    if (!isFree) return 'busy';
    const { entries, mark, more, readAt } = await source.since(position, kinds);
    if (entries.length === 0 && !more && performance.now() - this.#movedAt < MOVE_MS) return 'nothing';
    if (!(await source.hold(consumer, position, holder, HELD_MS))) return 'busy';
    try {
      const young = entries.filter(({ at }) => at >= readAt - maxAgeMs);
      if (young.length > 0) await handle(young.map((row) => storedEvent(row) as StoredEventOf<K>));
    } catch (error) {
      await source.release(consumer, holder, position);
      throw error;
    }
    await source.release(consumer, holder, mark);
    this.#movedAt = performance.now();
    return entries.length > 0 || more ? 'handled' : 'nothing';
  }
}
