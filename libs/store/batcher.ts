/**
 * Groups calls of the same few milliseconds into one statement: writes (`Batcher`) and reads
 * (`GroupedReads`).
 */
import DataLoader from 'dataloader';
import { HubError } from '#libs/protocol/errors.ts';
import type { StoreObserver } from './database.ts';

/** Limits of a `Batcher`, and its write. */
export interface BatcherOptions<Item, Result> {
  /** Milliseconds that the first call of a group waits for others. */
  readonly windowMs: number;
  /** Most items of one group. */
  readonly sizeMax: number;
  /** Most items that wait. A call beyond that is rejected at once. */
  readonly queueMax: number;
  /** Groups that are written at the same time, each on a connection of its own. */
  readonly parallel: number;
  /** Milliseconds after which a call rejects. */
  readonly timeoutMs: number;
  /**
   * Writes a group, all or nothing. Resolves with a result for each item, in the same order.
   * Writing an item twice must do no harm. Throws `HubError` `INVALID_REQUEST` if an item is at
   * fault, `UNAVAILABLE` if the database is.
   */
  readonly write: (items: readonly Item[], deadline: number) => Promise<readonly Result[]>;
  /** A group was committed: its rows, and the duration of the write in seconds. */
  readonly committed?: (rows: number, seconds: number) => void;
  /** Learns the length of the queue. */
  readonly observe?: Pick<StoreObserver, 'watch'> | undefined;
  /** The name of the queue, for metrics. */
  readonly queue: 'messages' | 'events' | 'cursors';
}

interface Entry<Item, Result> {
  readonly item: Item;
  /** A moment of `performance.now()`. */
  readonly deadline: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
  retried: boolean;
}

/** Milliseconds that must be left for a retry. */
const RETRY_LEFT_MS = 250;

/**
 * Collects calls into groups. If an item is at fault, halving finds it, and it fails alone. If the
 * database fails, calls with time left are retried once. Every call is answered within its timeout.
 */
export class Batcher<Item, Result> {
  readonly #options: BatcherOptions<Item, Result>;
  #queue: Entry<Item, Result>[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #writing = new Set<Promise<void>>();

  constructor(options: BatcherOptions<Item, Result>) {
    this.#options = options;
    const { observe, queue, queueMax } = options;
    observe?.watch('storeQueue', { queue }, () => this.#queue.length);
    observe?.watch('storeQueueMax', { queue }, () => queueMax);
  }

  /** Resolves once the item's group is committed. */
  add(item: Item): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    if (this.#queue.length >= this.#options.queueMax) {
      reject(new HubError('UNAVAILABLE', 'The queue of the database is full: try again.'));
      return promise;
    }
    const deadline = performance.now() + this.#options.timeoutMs;
    this.#queue.push({ item, deadline, resolve, reject, retried: false });
    this.#schedule();
    return promise;
  }

  /** Writes the waiting calls at once. Resolves when every call is answered. */
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

  /** Starts as many groups as `parallel` allows. */
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
      this.#options.committed?.(group.length, (performance.now() - started) / 1000);
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

/** Limits of `GroupedReads`, and its read. */
export interface GroupedReadsOptions<Item, Result> {
  /** Milliseconds that the first question of a group waits for others. */
  readonly windowMs: number;
  /** Most questions of one group. */
  readonly sizeMax: number;
  /** Most questions that wait. A question beyond that is rejected at once. */
  readonly queueMax: number;
  /** Groups that are read at the same time, each on a connection of its own. */
  readonly parallel: number;
  /** Milliseconds after which a question rejects. */
  readonly timeoutMs: number;
  /**
   * Reads a group. Resolves with an answer for each question, in the same order. Throws `HubError`
   * `UNAVAILABLE` if the database is away.
   */
  readonly read: (items: readonly Item[], deadline: number) => Promise<readonly Result[]>;
}

interface Question<Item> {
  readonly item: Item;
  /** A moment of `performance.now()`. */
  readonly deadline: number;
}

/**
 * Collects reads into groups with `dataloader`, which caches no answer here. If a question is at
 * fault, halving finds it, and it fails alone. If the database fails, a group with time left is
 * retried once. While `parallel` groups are under way, further questions gather.
 */
export class GroupedReads<Item, Result> {
  readonly #options: GroupedReadsOptions<Item, Result>;
  readonly #loader: DataLoader<Question<Item>, Result>;
  /** Groups that waited their `windowMs`. */
  readonly #due: (() => void)[] = [];
  readonly #open = new Set<Promise<Result>>();
  #waiting = 0;
  #underWay = 0;

  constructor(options: GroupedReadsOptions<Item, Result>) {
    this.#options = options;
    this.#loader = new DataLoader((questions) => this.#ask(questions), {
      cache: false,
      maxBatchSize: options.sizeMax,
      batchScheduleFn: (dispatch) => {
        setTimeout(() => {
          this.#due.push(dispatch);
          this.#start();
        }, options.windowMs);
      },
    });
  }

  /**
   * Rejects with `HubError` `UNAVAILABLE` if the database is away for too long, or if the queue is
   * full.
   */
  async ask(item: Item): Promise<Result> {
    if (this.#waiting >= this.#options.queueMax) throw new HubError('UNAVAILABLE', 'The queue of the database is full: try again.');
    this.#waiting += 1;
    const answer = this.#loader.load({ item, deadline: performance.now() + this.#options.timeoutMs });
    this.#open.add(answer);
    try {
      return await answer;
    } finally {
      this.#open.delete(answer);
    }
  }

  /** Resolves when every question so far is answered. */
  async flush(): Promise<void> {
    await Promise.allSettled(this.#open);
  }

  #start(): void {
    while (this.#underWay < this.#options.parallel) {
      const dispatch = this.#due.shift();
      if (dispatch === undefined) return;
      dispatch();
    }
  }

  async #ask(questions: readonly Question<Item>[]): Promise<(Result | Error)[]> {
    this.#waiting -= questions.length;
    this.#underWay += 1;
    try {
      return await this.#answers(questions, true);
    } finally {
      this.#underWay -= 1;
      this.#start();
    }
  }

  /** Returns an answer or an error for each question. */
  async #answers(questions: readonly Question<Item>[], mayRetry: boolean): Promise<(Result | Error)[]> {
    const deadline = Math.min(...questions.map((question) => question.deadline));
    try {
      const answers = await this.#options.read(
        questions.map(({ item }) => item),
        deadline,
      );
      return [...answers];
    } catch (error) {
      const isAway = error instanceof HubError && error.code === 'UNAVAILABLE';
      if (isAway && mayRetry && deadline - performance.now() > RETRY_LEFT_MS) return this.#answers(questions, false);
      if (isAway || questions.length === 1) return questions.map(() => (error instanceof Error ? error : new TypeError(String(error))));
      const half = Math.ceil(questions.length / 2);
      const first = await this.#answers(questions.slice(0, half), mayRetry);
      return [...first, ...(await this.#answers(questions.slice(half), mayRetry))];
    }
  }
}
