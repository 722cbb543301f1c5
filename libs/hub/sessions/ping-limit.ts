/** Protocol pings and pongs that one connection may send (F3). */

import { ABUSE_SECONDS } from '#libs/hub/limits/frame-budget.ts';
import type { HubStats } from '#libs/hub/ports/stats.ts';
import type { Connection } from './connection.ts';

export interface PingLimitOptions {
  /** 0: no limit. */
  readonly perSecond: number;
  readonly stats: Pick<HubStats, 'rateLimited'>;
  /** Milliseconds of a steady clock. */
  readonly steady: () => number;
}

/** Closes connections that send more pings, and pongs that nobody asked for, than they may. */
export class PingLimit {
  readonly #options: PingLimitOptions;

  constructor(options: PingLimitOptions) {
    this.#options = options;
  }

  pinged(connection: Connection): void {
    const { perSecond, stats, steady } = this.#options;
    if (perSecond === 0) return;
    if (!connection.budget.ping(steady(), perSecond)) return;
    stats.rateLimited('pings');
    connection.end('RATE_LIMITED', ABUSE_SECONDS);
  }

  /**
   * A pong came that answers no ping of a receipt (M6). More than one a second count as pings do:
   * they cost the same.
   */
  strayPong(connection: Connection): void {
    if (!connection.budget.isExpectedPong(this.#options.steady())) this.pinged(connection);
  }
}
