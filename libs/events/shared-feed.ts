import { setTimeout as delay } from 'node:timers/promises';
import { Poll } from '#libs/process/poll.ts';
import type { EventStore } from '#libs/store/event-store.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import { type StoredEventOf, type StoredKind, storedEvent } from './events.ts';

export interface SharedFeedOptions<K extends StoredKind> {
  readonly source: EventStore;
  /** A row of `event_consumers`, made by a migration. */
  readonly consumer: string;
  readonly kinds: readonly K[];
  /** Events that are older, milliseconds, are passed over. Default: none. */
  readonly maxAgeMs?: number;
  /** Works through events, in this order. Rejects if they have to come again. */
  readonly handle: (events: readonly StoredEventOf<K>[]) => Promise<void>;
  /** The name of this process among all. */
  readonly holder: string;
  readonly log: Logger;
  /** Milliseconds between two looks for events of processes that died before they handled theirs. Default 500. */
  readonly everyMs?: number;
}

const EVERY_MS = 500;
/** A process that dies while it holds the consumer keeps others from it for this long, milliseconds. */
const HELD_MS = 5000;
/** Pauses while another process holds the consumer, and how many of them one turn waits. */
const BUSY_MS = 20;
const BUSY_TRIES = 50;
/** A call that wakes the feed waits no longer than this, milliseconds. */
const PATIENCE_MS = 2000;
/** A position moves on this often also if nothing happens, milliseconds: an old one would make each look longer. */
const MOVE_MS = 600_000;

/**
 * Follows the stored events for all processes together: one position, in the database, and each event handled by one process. At least once: if a process
 * dies between handling a page and moving the position, the page comes again.
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

  /** Begins to look, and goes on. Never rejects. */
  async start(): Promise<void> {
    await this.#poll.refresh();
  }

  /**
   * Handles what is committed now, rather than at the next look: for a process that has just written. Resolves once it is handled, or tried, or after two
   * seconds. Never rejects: what could not be handled comes again.
   */
  async wake(): Promise<void> {
    await Promise.race([this.#freshTurn(), delay(PATIENCE_MS, undefined, { ref: false })]);
  }

  /** Ends; the turn under way is waited for. */
  stop(): Promise<void> {
    return this.#poll.stop();
  }

  /** A turn under way may have read before the caller wrote: the next one has not. */
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
    const { entries, mark, readAt } = await source.since(position, kinds);
    if (entries.length === 0 && performance.now() - this.#movedAt < MOVE_MS) return 'nothing';
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
    return entries.length > 0 ? 'handled' : 'nothing';
  }
}
