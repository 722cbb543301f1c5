import type { Reader, ReaderOptions } from './dialect.ts';
import { FrameReader } from './frame-reader.ts';

/** Every `message` frame has it once. No text of the load does. */
const MARK = Buffer.from('"type":"message"');

/** Counts the messages in the arrays of frames that a client with `parley.v1.batch` gets. */
export class ArrayReader implements Reader {
  deliveries = 0;
  /** Answers are in arrays with messages: they are not counted. */
  readonly shorts = 0;
  asked = false;
  readonly #frames: FrameReader;

  /** @param minimum Bytes of the shortest array with a message in it. */
  constructor(minimum: number, { sink }: ReaderOptions) {
    const count = (chunk: Buffer, start: number, length: number): void => {
      const array = chunk.subarray(start, start + length);
      for (let at = array.indexOf(MARK); at >= 0; at = array.indexOf(MARK, at + MARK.length)) {
        this.deliveries += 1;
        sink?.(chunk, start + at, length - at);
      }
    };
    this.#frames = new FrameReader(minimum, count, true);
  }

  get pinged(): boolean {
    return this.#frames.pinged;
  }

  set pinged(pinged: boolean) {
    this.#frames.pinged = pinged;
  }

  feed(chunk: Buffer, end: number): void {
    this.#frames.feed(chunk, end);
  }
}
