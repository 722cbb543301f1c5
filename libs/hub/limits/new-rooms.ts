/** How many open rooms a user may bring into being (F3). */

import { FixedWindow } from '#libs/limits/fixed-window.ts';
import { HubError } from '#libs/protocol/errors.ts';

const WINDOW_MS = 60_000;

/**
 * Counts rooms that did not exist before a user entered them, for each user in windows of a minute. Whether a room exists is known only once it is
 * entered: a place is taken before, and given back for a room that was there. Moments are milliseconds of a steady clock.
 */
export class NewRooms {
  readonly #places: FixedWindow;
  readonly #refused: () => void;

  /** @param limit Rooms a user and minute; 0: no limit. */
  constructor(limit: number, refused: () => void) {
    this.#places = new FixedWindow({ limit, windowMs: WINDOW_MS });
    this.#refused = refused;
  }

  /** Takes a place. 0 where there was one, otherwise the seconds until there is (at least 1). */
  take(user: string, now: number): number {
    return this.#places.take(user, now);
  }

  /** The room was there: the place that was taken at `takenAt` is free again. */
  giveBack(user: string, takenAt: number): void {
    this.#places.giveBack(user, takenAt);
  }

  /** The refusal of a room that does not exist, for a user without a free place. */
  refusal(retryAfter: number): HubError {
    this.#refused();
    return new HubError('RATE_LIMITED', 'You make too many new rooms (NEW_ROOMS_PER_MINUTE): wait, or join one that exists.', {
      retryAfter,
    });
  }
}
