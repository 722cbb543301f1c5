/**
 * Called for each frame of at least `minimum` payload bytes. `start` is -1 if the payload is not
 * whole in this chunk, which never happens with `whole`.
 */
export type FrameSink = (chunk: Buffer, start: number, length: number) => void;

/** Gets the bytes of a payload from `from` to before `to`. */
export type PieceSink = (chunk: Buffer, from: number, to: number) => void;

/**
 * Reads the WebSocket frames of a server (RFC 6455 section 5.2, never masked) by their headers
 * alone and skips the payloads. Chunks may be cut anywhere. One reader serves one connection.
 */
export class FrameReader {
  /** Frames whose payload has at least `minimum` bytes: the deliveries. */
  deliveries = 0;
  /** Shorter frames: acks, errors and signals. */
  shorts = 0;
  /** Whether a close frame was seen. */
  closed = false;
  /** The code of the close frame; 1005 if it has none (RFC 6455 section 7.1.5). Only with `whole`. */
  closeCode: number | undefined;
  /** Whether a ping was seen. The owner answers it and resets this. */
  pinged = false;
  /** Whether the text frame `heartbeat` was seen. The owner answers it and resets this. */
  asked = false;
  readonly #minimum: number;
  readonly #sink: FrameSink | undefined;
  readonly #whole: boolean;
  readonly #heartbeat: Buffer | undefined;
  readonly #piece: PieceSink | undefined;
  /** Payload bytes of the current frame still to come. */
  #skip = 0;
  /** The first bytes of a header that is cut in two, or of a frame if frames are kept whole. */
  #head: Buffer | undefined;

  /**
   * @param minimum payload bytes from which a frame counts as a delivery. Acks and signals are
   *   shorter.
   * @param whole keeps a cut frame until its rest comes. It copies bytes, so it is for short
   *   frames.
   * @param heartbeat a text frame by which a server asks whether the client lives: Engine.IO's.
   * @param piece gets the payloads of text and binary frames in the pieces that chunks have.
   */
  constructor(minimum: number, sink?: FrameSink, whole = false, heartbeat?: string, piece?: PieceSink) {
    this.#minimum = minimum;
    this.#sink = sink;
    this.#whole = whole;
    this.#piece = piece;
    this.#heartbeat = heartbeat === undefined ? undefined : Buffer.from(heartbeat);
  }

  /** Takes the next `end` bytes of the stream. The chunk may be reused when it returns. */
  feed(chunk: Buffer, end: number): void {
    let at = 0;
    if (this.#head !== undefined) {
      const kept = this.#head;
      this.#head = undefined;
      const joined = Buffer.concat([kept, chunk.subarray(0, end)]);
      this.feed(joined, joined.length);
      return;
    }
    if (this.#skip > 0) {
      this.#piece?.(chunk, 0, Math.min(this.#skip, end));
      if (this.#skip >= end) {
        this.#skip -= end;
        return;
      }
      at = this.#skip;
      this.#skip = 0;
    }
    while (at < end) {
      const short = at + 1 < end ? (chunk[at + 1] ?? 0) & 0x7f : -1;
      const header = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (short < 0 || at + header > end) {
        this.#head = Buffer.from(chunk.subarray(at, end));
        return;
      }
      const length = short < 126 ? short : short === 126 ? chunk.readUInt16BE(at + 2) : chunk.readUInt32BE(at + 6);
      const beats = length === this.#heartbeat?.length;
      if ((this.#whole || beats) && at + header + length > end) {
        this.#head = Buffer.from(chunk.subarray(at, end));
        return;
      }
      const opcode = (chunk[at] ?? 0) & 0x0f;
      if (opcode === 8) this.closed = true;
      else if (opcode === 9) this.pinged = true;
      at += header;
      const whole = at + length <= end;
      if (opcode === 8 && whole) this.closeCode = length >= 2 ? chunk.readUInt16BE(at) : 1005;
      if (opcode < 8) this.#piece?.(chunk, at, Math.min(at + length, end));
      if (beats) {
        this.asked ||= this.#heartbeat?.equals(chunk.subarray(at, at + length)) === true;
      } else if (opcode < 8 && length < this.#minimum) {
        this.shorts += 1;
      } else if (opcode < 8) {
        this.deliveries += 1;
        this.#sink?.(chunk, whole ? at : -1, length);
      }
      if (!whole) {
        this.#skip = at + length - end;
        return;
      }
      at += length;
    }
  }
}
