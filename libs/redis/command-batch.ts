import type { Redis } from 'ioredis';

type Stream = Redis['stream'];

/**
 * Collects the commands of one event-loop turn for one write. ioredis writes each command by itself, and the system calls
 * of small writes cost more than the rest of the work. Replaces ioredis's own pipeline, which allocates more.
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

  /** For ioredis: takes an encoded command and writes it at the end of this turn. It is lost if the connection breaks before. */
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
