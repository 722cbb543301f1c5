/** Runs tasks whose result nobody waits for. A failed task is logged and counted. */
import { HubError } from '#libs/protocol/errors.ts';
import { described, nameAndPlace } from '#libs/protocol/fault.ts';
import type { Logger } from './logger.ts';

/** The names of background tasks: values of a metric's label. */
export const BACKGROUND_TASKS = [
  'answers',
  'counts',
  'cursors',
  'joins',
  'logins',
  'member-signals',
  'notices',
  'offline-messages',
  'presence',
  'private-rooms',
  'rooms',
  'signals',
  'sweeps',
  'telling',
  'typing',
  'other',
] as const;
/** The name of a background task. */
export type BackgroundTask = (typeof BACKGROUND_TASKS)[number];

/** Options of `Background`. */
export interface BackgroundOptions {
  /** A logger that drops repeated lines (`limitLog`). */
  readonly log: Pick<Logger, 'error'>;
  /** Counts a failure. Called for each, even if its log line is dropped. */
  readonly failed: (task: BackgroundTask) => void;
}

/**
 * Runs background tasks. A failure affects nothing else: it is logged and counted, and `mend` is
 * called.
 */
export class Background {
  readonly #options: BackgroundOptions;

  constructor(options: BackgroundOptions) {
    this.#options = options;
  }

  /**
   * Starts a task. Never throws, and leaves no rejection unhandled.
   *
   * @param mend Repairs the effect of a failure on users. Called after every failure, also if a
   *   backend is away (`HubError`).
   */
  run(task: BackgroundTask, work: () => unknown, mend?: () => void): void {
    try {
      const running = work();
      if (running instanceof Promise) running.catch((error: unknown) => this.#fail(task, error, mend));
    } catch (error) {
      this.#fail(task, error, mend);
    }
  }

  /**
   * Reports a failure that was caught elsewhere. Ignores a `HubError`: the part that is away logs
   * it.
   */
  failed(task: BackgroundTask, error: unknown): void {
    if (!(error instanceof HubError)) this.#report(task, error);
  }

  /**
   * Logs and counts every unhandled rejection, also of packages. Otherwise it would end the
   * process.
   */
  guard(): void {
    process.on('unhandledRejection', (error) => this.#report('other', error));
  }

  #report(task: BackgroundTask, error: unknown): void {
    const { log, failed } = this.#options;
    failed(task);
    log.error({ task, ...described(error) }, `a background task failed: ${task}: ${nameAndPlace(error)}`);
  }

  #fail(task: BackgroundTask, error: unknown, mend: (() => void) | undefined): void {
    this.failed(task, error);
    try {
      mend?.();
    } catch (other) {
      this.failed(task, other);
    }
  }
}
