import type { Logger } from '#libs/telemetry/logger.ts';

/** What is measured of a store; each is called synchronously. */
export interface StoreObserver {
  /** A group was committed: its rows, and how long the statement took. */
  group(size: number, seconds: number): void;
  /** A statement or a connection failed. */
  error(): void;
  /** Whether the database answers: told when it changes, and with the first answer. */
  up(up: boolean): void;
}

/** Whether the database answers, as all pools of a store see it together: one line and one call at each change. */
export class StoreHealth {
  readonly #log: Logger | undefined;
  readonly #observe: StoreObserver | undefined;
  #up: boolean | undefined;

  constructor(log: Logger | undefined, observe: StoreObserver | undefined) {
    this.#log = log;
    this.#observe = observe;
  }

  /** A statement was answered. */
  answered(): void {
    if (this.#up === true) return;
    if (this.#up === false) this.#log?.info('the database answers again');
    this.#up = true;
    this.#observe?.up(true);
  }

  /** A statement or a connection failed. `away`: the database cannot be reached, or cannot serve. */
  failed(error: unknown, away: boolean): void {
    this.#observe?.error();
    if (!away || this.#up === false) return;
    this.#log?.warn({ err: error }, 'the database does not answer');
    this.#up = false;
    this.#observe?.up(false);
  }
}
