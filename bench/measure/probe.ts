/**
 * Preloaded (`--import`) into every measured server. It collects garbage when asked over IPC. It adds
 * nothing to the server's own work, and does not keep it alive.
 */

/** What V8 holds after a full collection. */
export interface Heap {
  /** V8's used heap and its external memory, bytes. */
  readonly heap: number;
}

process.on('message', () => {
  globalThis.gc?.();
  const memory = process.memoryUsage();
  process.send?.({ heap: memory.heapUsed + memory.external } satisfies Heap);
});
process.channel?.unref();
