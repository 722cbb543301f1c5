/**
 * How the client waits between attempts to connect.
 *
 * @example
 * new ParleyClient({ url, getToken, backoff: { baseMs: 500, capMs: 30_000, tries: 20 } });
 */
export interface BackoffOptions {
  /**
   * Upper bound of the first wait, milliseconds. It doubles with each further attempt. Default
   * 2,000.
   */
  readonly baseMs: number;
  /** Highest bound, milliseconds. Default 10,000. */
  readonly capMs: number;
  /**
   * Attempts without a stable connection after which the client gives up (`GAVE_UP`). Default: no
   * limit.
   */
  readonly tries: number;
  /**
   * A connection that lives this long starts the count of attempts again, milliseconds. Default
   * 60,000.
   */
  readonly stableMs: number;
}

/**
 * Returns the milliseconds to wait after `attempt` failed attempts: any number from 0 to the bound.
 * So clients that lost the same hub do not come back in one wave ("full jitter", AWS Architecture
 * Blog, Exponential Backoff And Jitter).
 */
export function backoffMs({ baseMs, capMs }: BackoffOptions, attempt: number, random: () => number): number {
  return Math.floor(random() * Math.min(capMs, baseMs * 2 ** Math.max(0, Math.min(attempt - 1, 30))));
}
