/** Limits the open rooms that a user may make by entering them (F3). */

import { FixedWindow } from '#libs/limits/fixed-window.ts';
import { HubError } from '#libs/protocol/errors.ts';

const WINDOW_MS = 60_000;

/**
 * Counts, for each user and minute, the rooms that did not exist before the user entered them. Only
 * the broker knows whether a room exists: so a join takes a place first, and gives it back if the
 * room existed. Moments are milliseconds of a steady clock.
 */
export class NewRooms {
  readonly #places: FixedWindow;
  readonly #refused: () => void;

  /** @param limit Rooms a user and minute; 0: no limit. */
  constructor(limit: number, refused: () => void) {
    this.#places = new FixedWindow({ limit, windowMs: WINDOW_MS });
    this.#refused = refused;
  }

  /**
   * Takes a place. Returns 0 if there was one, otherwise the seconds until there is one (at least
   * 1).
   */
  take(user: string, now: number): number {
    return this.#places.take(user, now);
  }

  /** The room existed: frees the place that was taken at `takenAt`. */
  giveBack(user: string, takenAt: number): void {
    this.#places.giveBack(user, takenAt);
  }

  /** Returns the refusal of a room that does not exist, for a user without a place. */
  refusal(retryAfter: number): HubError {
    this.#refused();
    return new HubError('RATE_LIMITED', 'You make too many new rooms (NEW_ROOMS_PER_MINUTE): wait, or join one that exists.', {
      retryAfter,
    });
  }
}
