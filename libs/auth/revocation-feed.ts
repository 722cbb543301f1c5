import type { Logger } from '#libs/telemetry/logger.ts';
import type { Revocations, Sanction } from './revocations.ts';

/** Where the log of sanctions is read; `SanctionStore` of libs/store is one. */
export interface SanctionSource {
  /** Everything that still holds. */
  standing(now: number): Promise<readonly Sanction[]>;
  /** What was added after `seq`, or in the last seconds: entries may come again. */
  since(seq: number): Promise<readonly Sanction[]>;
}

export interface RevocationFeedOptions {
  readonly source: SanctionSource;
  readonly revocations: Revocations;
  /** Told once of each entry that was added after the start and still holds: closes the connections it concerns. */
  readonly onSanction?: (sanction: Sanction) => void;
  /** Unix milliseconds. */
  readonly clock: () => number;
  readonly log: Logger;
  /** Milliseconds between two looks. Default 1,000: everybody knows within 2 s. */
  readonly everyMs?: number;
}

/** Entries are told apart from repeated ones for this long, milliseconds: far longer than `since` repeats them. */
const REPEATS_MS = 300_000;

/**
 * Keeps `Revocations` up to date with the log of sanctions. While the log cannot be read, what was known goes on to hold, and what was missed is made
 * good afterwards.
 */
export class RevocationFeed {
  readonly #options: RevocationFeedOptions;
  readonly #everyMs: number;
  /** Entries told of, by number, and when. */
  readonly #told = new Map<number, number>();
  #seq = 0;
  #loaded = false;
  #failing = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #look: Promise<void> | undefined;

  constructor(options: RevocationFeedOptions) {
    this.#options = options;
    this.#everyMs = options.everyMs ?? 1000;
  }

  /** Whether the log was read once: before, nobody can be let in. */
  get ready(): boolean {
    return this.#loaded;
  }

  /** Begins. Resolves when the log was read for the first time, or tried to: it goes on trying. */
  start(): Promise<void> {
    return this.refresh();
  }

  /** Looks now rather than at the next turn: for who has just added an entry. Never rejects. */
  refresh(): Promise<void> {
    this.#look ??= this.#once().finally(() => {
      this.#look = undefined;
    });
    return this.#look;
  }

  /** Ends. What is known stays. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#look;
  }

  async #once(): Promise<void> {
    clearTimeout(this.#timer);
    const { log } = this.#options;
    try {
      if (this.#loaded) await this.#follow();
      else await this.#load();
      if (this.#failing) log.info('revocations are read again');
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) log.warn({ err: error }, 'revocations cannot be read');
      this.#failing = true;
    }
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.refresh(), this.#everyMs);
    this.#timer.unref();
  }

  async #load(): Promise<void> {
    const { source, clock, revocations } = this.#options;
    for (const sanction of await source.standing(clock())) {
      this.#take(sanction);
      revocations.apply(sanction, clock());
    }
    this.#loaded = true;
  }

  async #follow(): Promise<void> {
    const { source, clock, revocations, onSanction } = this.#options;
    const news = await source.since(this.#seq);
    const now = clock();
    for (const sanction of news) {
      if (!this.#take(sanction) || sanction.until <= now) continue;
      revocations.apply(sanction, now);
      onSanction?.(sanction);
    }
    for (const [seq, at] of this.#told) {
      if (at > now - REPEATS_MS) break;
      this.#told.delete(seq);
    }
  }

  /** True the first time. */
  #take({ seq }: Sanction): boolean {
    this.#seq = Math.max(this.#seq, seq);
    if (this.#told.has(seq)) return false;
    this.#told.set(seq, this.#options.clock());
    return true;
  }
}
