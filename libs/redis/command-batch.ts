import type { Redis } from 'ioredis';

type Stream = Redis['stream'];

/**
 * Gathers the commands of an event-loop turn for one write: ioredis writes each by itself otherwise, and the system calls of small writes
 * cost more than all the rest. Takes the place of ioredis's own pipeline, which allocates more for each command.
 */
export class CommandBatch {
  readonly isPipeline = true;
  readonly destination: { readonly redis: { readonly stream: Stream } };
  readonly #onFlush: () => void;
  #text = '';
  #buffers: Buffer[] = [];
  #scheduled = false;

  /** @param onFlush Called after each write. */
  constructor(stream: Stream, onFlush: () => void) {
    this.destination = { redis: { stream } };
    this.#onFlush = onFlush;
  }

  /** For ioredis: takes an encoded command, which leaves at the end of this turn. Lost if the connection breaks before. */
  write(data: string | Buffer): void {
    if (typeof data === 'string') {
      this.#text += data;
    } else {
      if (this.#text !== '') this.#buffers.push(Buffer.from(this.#text));
      this.#text = '';
      this.#buffers.push(data);
    }
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    const { stream } = this.destination.redis;
    const text = this.#text;
    const buffers = this.#buffers;
    this.#scheduled = false;
    this.#text = '';
    if (stream.destroyed) return;
    if (buffers.length === 0) {
      stream.write(text);
    } else {
      this.#buffers = [];
      if (text !== '') buffers.push(Buffer.from(text));
      stream.write(Buffer.concat(buffers));
    }
    this.#onFlush();
  }
}
