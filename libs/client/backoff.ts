export interface BackoffOptions {
  /** Upper bound of the first wait, milliseconds; each further one is twice as long. Default 2,000. */
  readonly baseMs: number;
  /** No bound is higher, milliseconds. Default 10,000. */
  readonly capMs: number;
  /** Attempts without a stable connection before the client gives up. Default: no end. */
  readonly tries: number;
  /** A connection that lasted so long starts the count anew, milliseconds. Default 60,000. */
  readonly stableMs: number;
}

/**
 * How long to wait before the attempt after `attempt` failed ones: anywhere between nothing and the bound, so that clients that lost the same hub do
 * not come back as a wave ("full jitter", AWS Architecture Blog, Exponential Backoff And Jitter).
 */
export function backoffMs({ baseMs, capMs }: BackoffOptions, attempt: number, random: () => number): number {
  return Math.floor(random() * Math.min(capMs, baseMs * 2 ** Math.max(0, Math.min(attempt - 1, 30))));
}
