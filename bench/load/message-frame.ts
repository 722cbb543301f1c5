/** Bytes of every chat text. */
export const TEXT_BYTES = 128;
/** Digits of a stamp: microseconds, left-padded. */
const STAMP_DIGITS = 16;
const FILLER =
  'The quick brown fox jumps over the lazy dog and comes back to tell everyone in the room about it, twice if need be, in one line.';

/**
 * The byte before the stamp. No other byte of a frame is like it, so a receiver finds it in any
 * envelope.
 */
const STAMP_MARK = 0x40;
/** The text before the digits of an id. */
const ID_MARK = 0x23;

/**
 * A client's message frame, built once. To send one, a few digits are written into it. The mask key
 * is zero, so the masked bytes are the plain ones, and a server unmasks them at the same cost.
 */
export class MessageFrame {
  readonly #bytes: Buffer;
  readonly #stampAt: number;
  readonly #idAt: number;

  /**
   * @param envelope makes the payload from the text and the id (both of fixed length). The peers'
   *   payload is the text alone.
   */
  constructor(envelope: (text: string, id: string) => string) {
    const stamp = '0'.repeat(STAMP_DIGITS);
    const text = `@${stamp} ${FILLER}`.slice(0, TEXT_BYTES);
    const payload = Buffer.from(envelope(text, `#${stamp}`));
    this.#bytes = clientFrame(payload);
    this.#stampAt = this.#bytes.indexOf(`@${stamp}`) + 1;
    this.#idAt = this.#bytes.indexOf(`#${stamp}`) + 1;
  }

  /**
   * Returns the frame with this stamp (microseconds) and this number in its id, in a fresh buffer:
   * the socket may keep it.
   */
  stamped(micros: number, number: number): Buffer {
    const frame = Buffer.from(this.#bytes);
    writeDigits(frame, this.#stampAt, micros);
    if (this.#idAt > 0) writeDigits(frame, this.#idAt, number);
    return frame;
  }
}

/**
 * A client's text frame. The mask key is zero, so the masked bytes are the plain ones.
 * @throws RangeError if the payload has more than 65,535 bytes.
 */
export function clientFrame(payload: Buffer): Buffer {
  if (payload.length > 0xffff) throw new RangeError('a frame of more than 65,535 bytes');
  const header =
    payload.length < 126
      ? Buffer.of(0x81, 0x80 | payload.length, 0, 0, 0, 0)
      : Buffer.of(0x81, 0xfe, payload.length >> 8, payload.length & 0xff, 0, 0, 0, 0);
  return Buffer.concat([header, payload]);
}

/** The publisher's stamp of a payload in microseconds, or NaN if there is none. */
export function readStamp(chunk: Buffer, start: number, length: number): number {
  return readDigits(chunk, start, length, STAMP_MARK);
}

/** All stamps of a payload: an answer may have several messages. */
export function readStamps(chunk: Buffer, start: number, length: number): number[] {
  const stamps: number[] = [];
  const end = start + length;
  for (let at = chunk.indexOf(STAMP_MARK, start); at >= 0 && at < end; at = chunk.indexOf(STAMP_MARK, at + 1)) {
    const stamp = readStamp(chunk, at, end - at);
    if (!Number.isNaN(stamp)) stamps.push(stamp);
  }
  return stamps;
}

/** The number in the id of an ack, or NaN if there is none. */
export function readId(chunk: Buffer, start: number, length: number): number {
  return readDigits(chunk, start, length, ID_MARK);
}

function readDigits(chunk: Buffer, start: number, length: number, markByte: number): number {
  const mark = chunk.indexOf(markByte, start);
  if (mark < 0 || mark + STAMP_DIGITS >= start + length) return Number.NaN;
  let value = 0;
  for (let i = mark + 1; i <= mark + STAMP_DIGITS; i++) {
    const digit = (chunk[i] ?? 0) - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

function writeDigits(frame: Buffer, at: number, value: number): void {
  let rest = Math.floor(value);
  for (let i = at + STAMP_DIGITS - 1; i >= at; i--) {
    frame[i] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}
