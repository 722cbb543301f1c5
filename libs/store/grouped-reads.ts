/** Questions of the same few milliseconds, asked of the database together. */
import DataLoader from 'dataloader';
import { HubError } from '#libs/protocol/errors.ts';

export interface GroupedReadsOptions<Item, Result> {
  /** Milliseconds that the first question of a group waits for others. */
  readonly windowMs: number;
  /** Questions in one group at most. */
  readonly sizeMax: number;
  /** Questions that wait at most: further ones are refused at once. */
  readonly queueMax: number;
  /** Groups that are asked beside each other, each on a connection. */
  readonly parallel: number;
  /** A question rejects after so many milliseconds. */
  readonly timeoutMs: number;
  /** Asks a group; resolves with an answer for each question, in their order. Throws `HubError` `UNAVAILABLE` if the database is away. */
  readonly read: (items: readonly Item[], deadline: number) => Promise<readonly Result[]>;
}

interface Question<Item> {
  readonly item: Item;
  /** Moment of `performance.now()`. */
  readonly deadline: number;
}

/** A retry with less time than this left is given up. */
const RETRY_LEFT_MS = 250;

/**
 * Collects reads into groups with `dataloader`, which keeps no answer. A question at fault is found by halving and fails alone; if the database failed, a
 * group with time left is asked once more. While as many groups as may be are under way, the next ones gather.
 */
export class GroupedReads<Item, Result> {
  readonly #options: GroupedReadsOptions<Item, Result>;
  readonly #loader: DataLoader<Question<Item>, Result>;
  /** Groups whose window is over. */
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

  /** Rejects with `HubError` `UNAVAILABLE` if the database is away for too long, or too much waits for it. */
  async ask(item: Item): Promise<Result> {
    if (this.#waiting >= this.#options.queueMax) throw new HubError('UNAVAILABLE', 'Too much waits for the database: try again.');
    this.#waiting += 1;
    const answer = this.#loader.load({ item, deadline: performance.now() + this.#options.timeoutMs });
    this.#open.add(answer);
    try {
      return await answer;
    } finally {
      this.#open.delete(answer);
    }
  }

  /** Resolves when everything asked so far is answered. */
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

  /** An answer or an error for each question. */
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
