/** Calls of the same few milliseconds, written together. Reads are grouped by grouped-reads.ts. */
import { HubError } from '#libs/protocol/errors.ts';
import type { StoreObserver } from './store-health.ts';

export interface BatcherOptions<Item, Result> {
  /** Milliseconds that the first call of a group waits for others. */
  readonly windowMs: number;
  /** Items in one group at most. */
  readonly sizeMax: number;
  /** Items that wait at most: further ones are refused at once. */
  readonly queueMax: number;
  /** Groups that are written beside each other, each on a connection. */
  readonly parallel: number;
  /** A call rejects after so many milliseconds. */
  readonly timeoutMs: number;
  /**
   * Writes a group, all or nothing, and resolves with a result for each item, in their order. It must be harmless to write an item twice. Throws `HubError`
   * `INVALID_REQUEST` if an item is at fault, `UNAVAILABLE` if the database is.
   */
  readonly write: (items: readonly Item[], deadline: number) => Promise<readonly Result[]>;
  readonly observe?: StoreObserver | undefined;
}

interface Entry<Item, Result> {
  readonly item: Item;
  /** Moment of `performance.now()`. */
  readonly deadline: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
  retried: boolean;
}

/** A retry with less time than this left is given up. */
const RETRY_LEFT_MS = 250;

/**
 * Collects calls into groups. An item that is at fault is found by halving and fails alone; where the database failed, what still has time is tried once
 * more. Every call is answered within its timeout.
 */
export class Batcher<Item, Result> {
  readonly #options: BatcherOptions<Item, Result>;
  #queue: Entry<Item, Result>[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #writing = new Set<Promise<void>>();

  constructor(options: BatcherOptions<Item, Result>) {
    this.#options = options;
  }

  /** Resolves once the item's group is committed. */
  add(item: Item): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    if (this.#queue.length >= this.#options.queueMax) {
      reject(new HubError('UNAVAILABLE', 'Too much waits for the database: try again.'));
      return promise;
    }
    const deadline = performance.now() + this.#options.timeoutMs;
    this.#queue.push({ item, deadline, resolve, reject, retried: false });
    this.#schedule();
    return promise;
  }

  /** Writes what waits, without waiting for more; resolves when all is answered. */
  async flush(): Promise<void> {
    while (this.#queue.length > 0 || this.#writing.size > 0) {
      this.#start();
      await Promise.race(this.#writing);
    }
  }

  #schedule(): void {
    if (this.#writing.size >= this.#options.parallel) return;
    if (this.#queue.length >= this.#options.sizeMax) this.#start();
    else this.#timer ??= setTimeout(() => this.#start(), this.#options.windowMs);
  }

  /** Starts as many groups as may be written now. */
  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#queue.length > 0 && this.#writing.size < this.#options.parallel) {
      const group = this.#queue.splice(0, this.#options.sizeMax);
      const writing = this.#write(group).finally(() => {
        this.#writing.delete(writing);
        if (this.#queue.length > 0) this.#schedule();
      });
      this.#writing.add(writing);
    }
  }

  async #write(group: readonly Entry<Item, Result>[]): Promise<void> {
    const started = performance.now();
    try {
      const items = group.map(({ item }) => item);
      const results = await this.#options.write(items, Math.min(...group.map(({ deadline }) => deadline)));
      if (results.length !== group.length) throw new TypeError(`${results.length} results for ${group.length} items`);
      this.#options.observe?.group(group.length, (performance.now() - started) / 1000);
      for (const [i, result] of results.entries()) group[i]?.resolve(result);
    } catch (error) {
      await this.#failed(group, error);
    }
  }

  async #failed(group: readonly Entry<Item, Result>[], error: unknown): Promise<void> {
    if (error instanceof HubError && error.code === 'UNAVAILABLE') {
      const again = group.filter(({ retried, deadline }) => !retried && deadline - performance.now() > RETRY_LEFT_MS);
      for (const entry of again) entry.retried = true;
      for (const entry of group) if (!again.includes(entry)) entry.reject(error);
      this.#queue.unshift(...again);
    } else if (group.length === 1) {
      group[0]?.reject(error);
    } else {
      const half = Math.ceil(group.length / 2);
      await this.#write(group.slice(0, half));
      await this.#write(group.slice(half));
    }
  }
}
