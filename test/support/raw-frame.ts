import { randomBytes } from 'node:crypto';

/** A whole message or control frame from the server. */
export interface IncomingFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Options of `rawFrame`. */
export interface RawFrameOptions {
  readonly opcode: number;
  readonly payload?: Uint8Array;
  /** Default true. */
  readonly fin?: boolean;
  /** Default true: a client must mask. */
  readonly masked?: boolean;
  /** The length that the frame claims. Default: that of the payload. */
  readonly claimedLength?: number | bigint;
  /** Reserved bits, 0-7. */
  readonly rsv?: number;
}

/** Makes any frame of RFC 6455, also a forbidden one. */
export function rawFrame(options: RawFrameOptions): Buffer {
  const { opcode, payload = new Uint8Array(0), fin = true, masked = true, rsv = 0 } = options;
  const length = BigInt(options.claimedLength ?? payload.length);
  const bytes = length < 126n ? 0 : length < 65_536n ? 2 : 8;
  const head = Buffer.alloc(2 + bytes);
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = (masked ? 0x80 : 0) | (bytes === 0 ? Number(length) : bytes === 2 ? 126 : 127);
  if (bytes === 2) head.writeUInt16BE(Number(length), 2);
  if (bytes === 8) head.writeBigUInt64BE(length, 2);
  if (!masked) return Buffer.concat([head, payload]);
  const mask = randomBytes(4);
  const body = Buffer.from(payload);
  for (let i = 0; i < body.length; i += 1) body[i] = (body[i] ?? 0) ^ (mask[i & 3] ?? 0);
  return Buffer.concat([head, mask, body]);
}

/**
 * Makes a whole frame as a good client sends it. The mask is zero: masks protect proxies, of which
 * there are none here, and cost time.
 */
export function maskedFrame(opcode: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const headBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.alloc(headBytes + 4 + length);
  frame[0] = 0x80 | opcode;
  if (headBytes === 2) {
    frame[1] = 0x80 | length;
  } else if (headBytes === 4) {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 0x80 | 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.set(payload, headBytes + 4);
  return frame;
}

/**
 * Parses a stream of bytes into whole frames and joins fragments. Throws on a frame that no server
 * may send.
 */
export class FrameReader {
  readonly #onFrame: (frame: IncomingFrame) => void;
  #rest: Buffer = Buffer.alloc(0);
  #fragments: Buffer[] = [];
  #fragmentOpcode = 0;

  constructor(onFrame: (frame: IncomingFrame) => void) {
    this.#onFrame = onFrame;
  }

  read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (;;) {
      if (bytes.length - at < 2) break;
      const first = bytes[at] ?? 0;
      const second = bytes[at + 1] ?? 0;
      if ((second & 0x80) !== 0 || (first & 0x70) !== 0) throw new Error('a masked or extended frame from the server');
      let length = second & 0x7f;
      let head = 2;
      if (length === 126) {
        if (bytes.length - at < 4) break;
        length = bytes.readUInt16BE(at + 2);
        head = 4;
      } else if (length === 127) {
        if (bytes.length - at < 10) break;
        length = Number(bytes.readBigUInt64BE(at + 2));
        head = 10;
      }
      if (bytes.length - at < head + length) break;
      const payload = bytes.subarray(at + head, at + head + length);
      at += head + length;
      this.#frame((first & 0x80) !== 0, first & 0x0f, payload);
    }
    this.#rest = at === bytes.length ? Buffer.alloc(0) : bytes.subarray(at);
  }

  #frame(fin: boolean, opcode: number, payload: Buffer): void {
    if (opcode >= 0x8 || (fin && opcode !== 0)) {
      this.#onFrame({ opcode, payload });
      return;
    }
    if (opcode !== 0) this.#fragmentOpcode = opcode;
    this.#fragments.push(Buffer.from(payload));
    if (!fin) return;
    const whole = Buffer.concat(this.#fragments);
    this.#fragments = [];
    this.#onFrame({ opcode: this.#fragmentOpcode, payload: whole });
  }
}
