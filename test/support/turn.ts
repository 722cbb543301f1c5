/**
 * Resolves after one turn of the event loop. Every promise that waits for no I/O has settled by
 * then.
 */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
