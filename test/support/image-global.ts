/** Starts the build of the images as the first thing of a run: it goes on beside the first tests. */
import type { ChildProcess } from 'node:child_process';
import { buildImage } from './image.ts';

const running = new Set<ChildProcess>();

/** Does not wait: a test that needs the images builds them, and finds what is there by then. */
export function setup(): void {
  const track = (child: ChildProcess): void => {
    running.add(child);
    child.once('exit', () => running.delete(child));
  };
  // The test that builds them tells what is wrong.
  buildImage('all-in-one', track).catch(() => undefined);
}

/** A build that still runs serves nobody. */
export function teardown(): void {
  for (const { pid } of running) if (pid !== undefined) process.kill(-pid, 'SIGTERM');
}
