/**
 * Preloaded (`--import`) into every measured server. It reports over IPC what the process used. It
 * adds nothing to the server's own work, and does not keep it alive.
 */

/** What a server process used so far. */
export interface Usage {
  /** User and system time of all its threads, microseconds. */
  readonly cpuMicros: number;
  /**
   * Anonymous resident memory (heap, malloc, buffers), bytes: no file mappings, no kernel memory.
   */
  readonly anonymous: number;
  /** V8's used heap and its external memory, bytes. */
  readonly heap: number;
}

process.on('message', (question: { readonly gc: boolean }) => {
  if (question.gc) globalThis.gc?.();
  const cpu = process.cpuUsage();
  const memory = process.memoryUsage();
  const rollup = question.gc ? readRollup() : 0;
  process.send?.({ cpuMicros: cpu.user + cpu.system, anonymous: rollup, heap: memory.heapUsed + memory.external } satisfies Usage);
});
process.channel?.unref();

function readRollup(): number {
  const text = process.getBuiltinModule('node:fs').readFileSync('/proc/self/smaps_rollup', 'latin1');
  return Number(/^Anonymous:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
}
