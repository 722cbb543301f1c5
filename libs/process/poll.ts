/** Repeats a task that may fail. */
import type { Logger } from '#libs/telemetry/logger.ts';

/** Options of `Poll`. */
export interface PollOptions {
  readonly work: () => Promise<void>;
  /** Milliseconds between the end of one turn and the next. */
  readonly everyMs: number;
  readonly log: Logger;
  /** The log line if a turn fails and the previous one did not. */
  readonly failing: string;
  /** The log line if a turn succeeds and the previous one failed. */
  readonly working: string;
}

/** Repeats work that may fail, one turn at a time. It does not keep the process alive. */
export class Poll {
  readonly #options: PollOptions;
  #failing = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> | undefined;
  /** When the last turn that succeeded began. */
  #succeededAt: number | undefined;

  constructor(options: PollOptions) {
    this.#options = options;
  }

  /**
   * Runs a turn now, or waits for the current one. The pause to the next turn starts after it.
   * Never rejects.
   */
  refresh(): Promise<void> {
    this.#turn ??= this.#once().finally(() => {
      this.#turn = undefined;
    });
    return this.#turn;
  }

  /** Seconds since the begin of the last turn that succeeded; undefined before the first. */
  get lag(): number | undefined {
    return this.#succeededAt === undefined ? undefined : (performance.now() - this.#succeededAt) / 1000;
  }

  /** Stops. Resolves when the current turn has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#turn;
  }

  async #once(): Promise<void> {
    clearTimeout(this.#timer);
    const { work, everyMs, log, failing, working } = this.#options;
    const began = performance.now();
    try {
      await work();
      this.#succeededAt = began;
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
