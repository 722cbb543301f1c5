/** Resolves after one turn of the event loop: every promise that waits for no input or output has settled by then. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
