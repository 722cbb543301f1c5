/**
 * Runs a task with a signal that aborts after some milliseconds. Unlike `AbortSignal.timeout` it
 * leaves no timer behind, and a test can move its clock.
 */
export async function withDeadline<Result>(milliseconds: number, task: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), milliseconds);
  try {
    return await task(abort.signal);
  } finally {
    clearTimeout(timer);
  }
}
