/** Standard output that never waits for its reader and uses bounded memory. */
import type { DestinationStream } from 'pino';

/** Characters that may wait for the reader. */
const QUEUE_MAX = 1024 * 1024;

/** The needed part of a stream such as `process.stdout`. */
export interface QueueingStream {
  /** Characters that wait for the reader. */
  readonly writableLength: number;
  readonly writable: boolean;
  /** Whether the stream will emit `drain`. */
  readonly writableNeedDrain: boolean;
  write(text: string): boolean;
  on(event: 'error' | 'drain', listener: () => void): unknown;
}

/**
 * Writes lines and never waits. If a line finds the queue full, this line and all later ones are
 * dropped and counted until the queue is empty. Then `report` gets their number once. A line longer
 * than the queue is dropped alone. If the reader is gone, all lines are dropped.
 */
export class BoundedOutput implements DestinationStream {
  /** Lines dropped since the start. */
  dropped = 0;
  /**
   * Called once the output flows again with the number of dropped lines, and for each line that is
   * too long.
   */
  report: (dropped: number, cause: 'unread' | 'too long') => void = () => undefined;
  readonly #stream: QueueingStream;
  /** Lines dropped in the present gap; 0 outside a gap. */
  #gap = 0;

  constructor(stream: QueueingStream) {
    this.#stream = stream;
    // Without a listener, the error of a closed pipe would end the process.
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
    // No `drain` will come, so nothing would end a gap: the line is reported alone.
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
 * Returns the output of this process. On Linux, Node writes to pipes without waiting, but waits for
 * terminals: a terminal stopped with Ctrl+S would stop the whole process. This function switches
 * that off.
 */
export function standardOutput(): BoundedOutput {
  if (output === undefined) {
    stopWaiting(process.stdout);
    output = new BoundedOutput(process.stdout);
  }
  return output;
}

/** Returns the number of lines that this process has dropped. */
export function droppedLines(): number {
  return output?.dropped ?? 0;
}

/** Node has no public call for this. If the handle has another form, nothing is changed. */
function stopWaiting(stream: NodeJS.WriteStream): void {
  const handle: unknown = stream.isTTY && '_handle' in stream ? stream._handle : undefined;
  if (typeof handle !== 'object' || handle === null || !('setBlocking' in handle) || typeof handle.setBlocking !== 'function') return;
  handle.setBlocking(false);
}
