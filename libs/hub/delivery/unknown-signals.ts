import type { UnknownSignal } from '#libs/protocol/signals.ts';
import type { Logger } from '#libs/telemetry/logger.ts';

export interface UnknownSignalsOptions {
  readonly log: Pick<Logger, 'warn'>;
  /** A signal was ignored: counted, whether it is logged or not. */
  readonly ignored: () => void;
  /** Milliseconds of a steady clock. */
  readonly steady: () => number;
}

/** Milliseconds between two lines of the log. */
const LOGGED_MS = 60_000;

/**
 * Ignores signals that this release cannot read: nodes of another release send them while an
 * upgrade is under way. Counts each, and logs at most one a minute.
 */
export class UnknownSignals {
  readonly #options: UnknownSignalsOptions;
  #loggedAt = Number.NEGATIVE_INFINITY;
  /** Signals since the last line. */
  #ignored = 0;

  constructor(options: UnknownSignalsOptions) {
    this.#options = options;
  }

  /** @param topic Whose topic it came over. */
  ignore({ version, letter }: UnknownSignal, topic: 'room' | 'user'): void {
    const { log, ignored, steady } = this.#options;
    ignored();
    this.#ignored += 1;
    if (steady() - this.#loggedAt < LOGGED_MS) return;
    log.warn(
      { topic, version, letter, ignored: this.#ignored },
      'a signal of another release is ignored: nodes of two releases run, so finish the upgrade',
    );
    this.#loggedAt = steady();
    this.#ignored = 0;
  }
}
