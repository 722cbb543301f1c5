/** The process's standard output, with an end to what waits for a reader. */
import type { DestinationStream } from 'pino';

/** What may wait for a reader, in characters. Whoever stops reading for good costs this much memory, and no more. */
const QUEUE_MAX = 1024 * 1024;

/** What is needed of a stream. `process.stdout` is one. */
export interface QueueingStream {
  /** Characters that wait. */
  readonly writableLength: number;
  readonly writable: boolean;
  /** A `drain` is to come. */
  readonly writableNeedDrain: boolean;
  write(text: string): boolean;
  on(event: 'error' | 'drain', listener: () => void): unknown;
}

/**
 * Writes lines and never waits: a line that finds the queue full is dropped and counted, and so are all after it until the queue is empty. Then `report` hears
 * how many were lost, once. A line that is longer than the queue is dropped alone. A reader that is gone takes nothing any more, and nothing is kept for it.
 */
export class BoundedOutput implements DestinationStream {
  /** Lines dropped since the start. */
  dropped = 0;
  /** Called once the output flows again, and for each line that is too long. */
  report: (dropped: number, cause: 'unread' | 'too long') => void = () => undefined;
  readonly #stream: QueueingStream;
  /** Lines of the present gap; 0 while there is none. */
  #gap = 0;

  constructor(stream: QueueingStream) {
    this.#stream = stream;
    // Otherwise a reader that is gone would end the process.
    stream.on('error', () => undefined);
    stream.on('drain', () => this.#flows());
  }

  /** Writes a line, or drops it. */
  write(line: string): void {
    if (this.#gap === 0 && this.#stream.writable && this.#stream.writableLength + line.length <= QUEUE_MAX) {
      this.#stream.write(line);
      return;
    }
    this.dropped += 1;
    // Without a `drain` to come nothing would end a gap.
    if (this.#gap === 0 && this.#stream.writable && !this.#stream.writableNeedDrain) this.report(1, 'too long');
    else this.#gap += 1;
  }

  #flows(): void {
    const lost = this.#gap;
    this.#gap = 0;
    if (lost > 0) this.report(lost, 'unread');
  }
}

let output: BoundedOutput | undefined;

/**
 * The one output of this process. On Linux Node writes to pipes without waiting, and to terminals it waits: a terminal that somebody stopped (Ctrl+S) would
 * stop the whole process, so that is switched off.
 */
export function standardOutput(): BoundedOutput {
  if (output === undefined) {
    stopWaiting(process.stdout);
    output = new BoundedOutput(process.stdout);
  }
  return output;
}

/** Lines that this process has dropped. */
export function droppedLines(): number {
  return output?.dropped ?? 0;
}

/** Node has no public call for it: where the handle is not as expected, all stays as it is. */
function stopWaiting(stream: NodeJS.WriteStream): void {
  const handle: unknown = stream.isTTY && '_handle' in stream ? stream._handle : undefined;
  if (typeof handle !== 'object' || handle === null || !('setBlocking' in handle) || typeof handle.setBlocking !== 'function') return;
  handle.setBlocking(false);
}
