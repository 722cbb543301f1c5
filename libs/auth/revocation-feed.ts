import { Poll } from '#libs/process/poll.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { Revocation, Revocations } from './revocations.ts';

/** Where the log of revocations is read; `RevocationStore` of libs/store is one. */
export interface RevocationSource {
  /** What was committed since the read that gave this mark, in whatever order it was added; without one, everything that still holds. */
  since(mark: string | undefined, now: number): Promise<{ readonly entries: readonly Revocation[]; readonly mark: string }>;
}

export interface RevocationFeedOptions {
  readonly source: RevocationSource;
  readonly revocations: Revocations;
  /** Told once of each entry that was added after the start and still holds: closes the connections it concerns. */
  readonly onRevocation?: (revocation: Revocation) => void;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly log: Logger;
  /** Milliseconds between two looks. Default 1,000: everybody knows within 2 s. */
  readonly everyMs?: number;
}

/** After a fail-over of the database entries come again: they are told apart for this long, milliseconds, far longer than such a read goes back. */
const REPEATS_MS = 300_000;
const EVERY_MS = 1000;

/**
 * Keeps `Revocations` up to date with the log of revocations. While the log cannot be read, what was known goes on to hold, and what was missed is made
 * good afterwards.
 */
export class RevocationFeed {
  readonly #options: RevocationFeedOptions;
  readonly #poll: Poll;
  /** Entries told of, by number, and when. */
  readonly #told = new Map<number, number>();
  #mark: string | undefined;

  constructor(options: RevocationFeedOptions) {
    this.#options = options;
    this.#poll = new Poll({
      work: () => this.#look(),
      everyMs: options.everyMs ?? EVERY_MS,
      log: options.log,
      failing: 'revocations cannot be read',
      working: 'revocations are read again',
    });
  }

  /** Whether the log was read once: before, nobody can be let in. */
  get ready(): boolean {
    return this.#mark !== undefined;
  }

  /** Begins. Resolves when the log was read for the first time, or tried to: it goes on trying. */
  start(): Promise<void> {
    return this.refresh();
  }

  /** Looks now rather than at the next turn: for who has just added an entry. Never rejects. */
  refresh(): Promise<void> {
    return this.#poll.refresh();
  }

  /** Ends. What is known stays. */
  stop(): Promise<void> {
    return this.#poll.stop();
  }

  async #look(): Promise<void> {
    const { source, now, revocations, onRevocation } = this.#options;
    const { entries, mark } = await source.since(this.#mark, now());
    const isFirst = this.#mark === undefined;
    const at = now();
    for (const revocation of entries) {
      if (!this.#take(revocation.seq, at) || revocation.until <= at) continue;
      revocations.apply(revocation, at);
      if (!isFirst) onRevocation?.(revocation);
    }
    this.#mark = mark;
    for (const [seq, toldAt] of this.#told) {
      if (toldAt > at - REPEATS_MS) break;
      this.#told.delete(seq);
    }
  }

  /** True the first time. */
  #take(seq: number, now: number): boolean {
    if (this.#told.has(seq)) return false;
    this.#told.set(seq, now);
    return true;
  }
}
