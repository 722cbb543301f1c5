import { HubError } from '#libs/protocol/errors.ts';
import { described, nameAndPlace } from '#libs/protocol/fault.ts';
import type { Logger } from './logger.ts';

/** Names of background tasks: the label of the metric. */
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
export type BackgroundTask = (typeof BACKGROUND_TASKS)[number];

export interface BackgroundOptions {
  /** Drops repeated lines of the same text. */
  readonly log: Pick<Logger, 'error'>;
  /** A task failed: counted, whether it is logged or not. */
  readonly failed: (task: BackgroundTask) => void;
}

/** Runs background tasks. A failed task is logged and counted, and its `mend` is called. It ends nothing else. */
export class Background {
  readonly #options: BackgroundOptions;

  constructor(options: BackgroundOptions) {
    this.#options = options;
  }

  /**
   * Starts a task. Never throws, and no rejection goes unhandled.
   * @param mend Repairs the effect on the users concerned. Called after every failure, also if a backend is away (`HubError`).
   */
  run(task: BackgroundTask, work: () => unknown, mend?: () => void): void {
    try {
      const running = work();
      if (running instanceof Promise) running.catch((error: unknown) => this.#fail(task, error, mend));
    } catch (error) {
      this.#fail(task, error, mend);
    }
  }

  /** A task failed elsewhere. A `HubError` was foreseen, and is told by whatever is away. */
  failed(task: BackgroundTask, error: unknown): void {
    if (!(error instanceof HubError)) this.#report(task, error);
  }

  /** Keeps the process alive where a promise is rejected that nobody handles, a package's own included. */
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
