import type { Logger } from '#libs/telemetry/logger.ts';

export interface PollOptions {
  readonly work: () => Promise<void>;
  /** Milliseconds between the end of one turn and the next. */
  readonly everyMs: number;
  readonly log: Logger;
  /** What the log says when a turn fails after one that did not. */
  readonly failing: string;
  /** What it says when one succeeds again. */
  readonly working: string;
}

/** Something that is done again and again, one turn at a time, and may fail. It keeps no process alive. */
export class Poll {
  readonly #options: PollOptions;
  #failing = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> | undefined;

  constructor(options: PollOptions) {
    this.#options = options;
  }

  /** Does a turn now, or joins the one under way, and goes on from there. Never rejects. */
  refresh(): Promise<void> {
    this.#turn ??= this.#once().finally(() => {
      this.#turn = undefined;
    });
    return this.#turn;
  }

  /** Ends; the turn under way is waited for. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#turn;
  }

  async #once(): Promise<void> {
    clearTimeout(this.#timer);
    const { work, everyMs, log, failing, working } = this.#options;
    try {
      await work();
      if (this.#failing) log.info(working);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) log.warn({ err: error }, failing);
      this.#failing = true;
    }
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.refresh(), everyMs);
    this.#timer.unref();
  }
}
