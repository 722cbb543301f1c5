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

/** What is no `HubError` was expected by nobody: a bug. Clients are told `UNAVAILABLE`, the log is told where it came from. */
export class Faults {
  readonly #options: FaultsOptions;
  /** Met already, on the way of one failure to several who wait for it. */
  readonly #known = new WeakSet<object>();

  constructor(options: FaultsOptions) {
    this.#options = options;
  }

  /** Any thrown value as what a client is told. A bug is logged once, however many wait for it, without anything that a client wrote. */
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
  // The writer says of whatever goes wrong that it may be said again.
  const source = error instanceof HubError && error.code === 'NOT_STORED' ? (error.cause ?? error) : error;
  if (source instanceof HubError) return undefined;
  return typeof source === 'object' && source !== null ? source : new Error(`a ${typeof source} was thrown`);
}
