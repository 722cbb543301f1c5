/** What of the drain time is left for closing what is open, seconds. */
const RESERVE_SECONDS = 2;

/** Seconds for which a public port stays open once its process was asked to leave (D1): those that are set, within a drain of so many seconds. */
export function listenSeconds(drainSeconds: number, drainListenSeconds: number): number {
  return Math.max(0, Math.min(drainListenSeconds, drainSeconds - RESERVE_SECONDS));
}
/** A port is taken, or not ours to take. The message says which setting to change. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}
