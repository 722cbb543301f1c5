import { HubError } from '#libs/protocol/errors.ts';
import { described, nameAndPlace } from '#libs/protocol/fault.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { Connection } from './connection.ts';

export interface FaultsOptions {
  /** Drops repeated lines of the same text. */
  readonly log: Pick<Logger, 'error'>;
  /** A bug was met: counted, logged or not. */
  readonly met: () => void;
}

/**
 * An error that is no `HubError` is a bug. Clients get `UNAVAILABLE`, the log has the place where
 * it was thrown.
 */
export class Faults {
  readonly #options: FaultsOptions;
  /** Met already, on the way of one failure to several who wait for it. */
  readonly #known = new WeakSet<object>();

  constructor(options: FaultsOptions) {
    this.#options = options;
  }

  /**
   * The error that a client gets for a thrown value. A bug is logged once, however many wait for
   * it, without anything that a client wrote.
   */
  report(error: unknown, connection?: Connection): HubError {
    const bug = bugOf(error);
    if (bug !== undefined) this.#meet(bug, connection);
    return HubError.from(error);
  }

  #meet(bug: object, connection: Connection | undefined): void {
    if (this.#known.has(bug)) return;
    this.#known.add(bug);
    const { log, met } = this.#options;
    met();
    const who = connection === undefined ? {} : { user: connection.user.id, session: connection.session };
    log.error({ ...who, ...described(bug) }, `unexpected error: ${nameAndPlace(bug)}`);
  }
}

/** The bug behind an error, as an object; undefined for failures that were foreseen. */
function bugOf(error: unknown): object | undefined {
  // The writer wraps every failure in an error that allows a retry.
  const source = error instanceof HubError && error.code === 'NOT_STORED' ? (error.cause ?? error) : error;
  if (source instanceof HubError) return undefined;
  return typeof source === 'object' && source !== null ? source : new Error(`a ${typeof source} was thrown`);
}
