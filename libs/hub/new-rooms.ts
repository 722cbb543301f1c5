/** How many open rooms a user may bring into being (F3). */
import { HubError } from '#libs/protocol/errors.ts';

interface Window {
  readonly startedAt: number;
  begun: number;
}

const WINDOW_MS = 60_000;
/** Users remembered at once; beyond it the one whose window began first is forgotten. */
const USERS_MAX = 100_000;

/**
 * Counts rooms that did not exist before a user entered them, for each user in windows of a minute. Whether a room exists is known only once it is
 * entered: a place is taken before, and given back for a room that was there.
 */
export class NewRooms {
  readonly #limit: number;
  /** In the order in which the windows began. */
  readonly #windows = new Map<string, Window>();

  readonly #refused: () => void;

  /** @param limit Rooms a user and minute; 0: no limit. */
  constructor(limit: number, refused: () => void) {
    this.#limit = limit;
    this.#refused = refused;
  }

  /** Takes a place: whether there was one. `now` in milliseconds of a steady clock. */
  take(user: string, now: number): boolean {
    if (this.#limit === 0) return true;
    let window = this.#windows.get(user);
    if (window === undefined || now - window.startedAt >= WINDOW_MS) {
      this.#windows.delete(user);
      window = { startedAt: now, begun: 0 };
      this.#windows.set(user, window);
      this.#forget(now);
    }
    if (window.begun >= this.#limit) return false;
    window.begun += 1;
    return true;
  }

  /** The room was there: the place is free again. */
  giveBack(user: string): void {
    const window = this.#windows.get(user);
    if (window !== undefined && window.begun > 0) window.begun -= 1;
  }

  /** What a user without a place is told of a room that does not exist: to come again once the window is over. */
  refusal(user: string, now: number): HubError {
    this.#refused();
    const startedAt = this.#windows.get(user)?.startedAt ?? now;
    const retryAfter = Math.max(1, Math.ceil((startedAt + WINDOW_MS - now) / 1000));
    return new HubError('RATE_LIMITED', 'too many new rooms: NEW_ROOMS_PER_MINUTE', { retryAfter });
  }

  #forget(now: number): void {
    for (const [user, { startedAt }] of this.#windows) {
      if (now - startedAt < WINDOW_MS && this.#windows.size <= USERS_MAX) return;
      this.#windows.delete(user);
    }
  }
}
