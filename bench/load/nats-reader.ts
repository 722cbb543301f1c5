import type { Reader, ReaderOptions } from './dialect.ts';
import { FrameReader, type FrameSink } from './frame-reader.ts';

const NEWLINE = 0x0a;
const MESSAGE = 0x4d;
const PING = 'PING';
/** The line end after each message. */
const LINE_END = 2;

/**
 * Reads the protocol of NATS over WebSocket. A frame there has any part of the stream: several
 * messages, or a piece of one.
 */
export class NatsReader implements Reader {
  deliveries = 0;
  /** NATS answers no publication. */
  readonly shorts = 0;
  asked = false;
  readonly #frames: FrameReader;
  readonly #sink: FrameSink | undefined;
  readonly #whole: boolean;
  /** The pieces of a message that is cut, if it has to be shown whole. */
  #pieces: Buffer[] = [];
  /** The beginning of a line that is not complete. */
  #line = '';
  /** Bytes of the current message still to come, with its line end. */
  #left = 0;

  constructor({ sink, whole = false }: ReaderOptions) {
    this.#sink = sink;
    this.#whole = whole;
    this.#frames = new FrameReader(Number.POSITIVE_INFINITY, undefined, false, undefined, (chunk, from, to) =>
      this.#piece(chunk, from, to),
    );
  }

  get pinged(): boolean {
    return this.#frames.pinged;
  }

  set pinged(on: boolean) {
    this.#frames.pinged = on;
  }

  feed(chunk: Buffer, end: number): void {
    this.#frames.feed(chunk, end);
  }

  #piece(chunk: Buffer, from: number, to: number): void {
    let at = from;
    while (at < to) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, to - at);
        this.#left -= taken;
        if (this.#pieces.length > 0) this.#collect(chunk.subarray(at, at + taken));
        at += taken;
        if (this.#left === 0) this.deliveries += 1;
        continue;
      }
      const newline = chunk.indexOf(NEWLINE, at);
      if (newline < 0 || newline >= to) {
        this.#line += chunk.toString('latin1', at, to);
        return;
      }
      const length = this.#line === '' && chunk[at] === MESSAGE ? lastNumber(chunk, newline) : this.#lineEnds(chunk, at, newline);
      at = newline + 1;
      if (length === undefined) continue;
      if (at + length + LINE_END <= to) this.#sink?.(chunk, at, length);
      else if (this.#whole) this.#pieces = [Buffer.alloc(0)];
      this.#left = length + LINE_END;
    }
  }

  #collect(piece: Buffer): void {
    this.#pieces.push(Buffer.from(piece));
    if (this.#left > 0) return;
    const message = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#sink?.(message, 0, message.length - LINE_END);
  }

  /** The length of the message that follows the line; undefined if none does. */
  #lineEnds(chunk: Buffer, at: number, newline: number): number | undefined {
    const line = this.#line + chunk.toString('latin1', at, newline);
    this.#line = '';
    if (line.startsWith(PING)) this.asked = true;
    return line.startsWith('MSG ') ? Number(line.trim().split(' ').at(-1)) : undefined;
  }
}

/** The number before `\r\n`. */
function lastNumber(chunk: Buffer, newline: number): number {
  let value = 0;
  let unit = 1;
  for (let i = newline - 2; i >= 0; i--) {
    const digit = (chunk[i] ?? 0) - 48;
    if (digit < 0 || digit > 9) break;
    value += digit * unit;
    unit *= 10;
  }
  return value;
}
