/** What a text of the load says: when it was to be sent, by whom, and its number. */
export interface Stamp {
  /** Microseconds since 1970. */
  readonly micros: number;
  /** The writer's number in its room. */
  readonly writer: number;
  /** 1 for the first message of the writer. */
  readonly number: number;
}

const MARK = '@@';
const MICROS = 16;
const WRITER = 7;
const NUMBER = 9;
/** Characters of a stamp. */
export const STAMP_LENGTH = MARK.length + MICROS + WRITER + NUMBER;
const MARK_BYTES = Buffer.from(MARK);
const FILLER = ' and so the talk goes on, word by word, until somebody has to leave.';

/** The time of this machine, microseconds since 1970. */
export const nowMicros = (): number => (performance.timeOrigin + performance.now()) * 1000;

/** A text of so many bytes that begins with a stamp. */
export function stampedText({ micros, writer, number }: Stamp, bytes: number): string {
  const head = MARK + digits(micros, MICROS) + digits(writer, WRITER) + digits(number, NUMBER);
  return head + FILLER.repeat(Math.ceil(Math.max(0, bytes - head.length) / FILLER.length)).slice(0, Math.max(0, bytes - head.length));
}

/** Finds the stamp of a frame between two bytes. Undefined if it has none. */
export function findStamp(chunk: Buffer, start: number, end: number): Stamp | undefined {
  let at = chunk.indexOf(MARK_BYTES, start);
  while (at >= 0 && at + STAMP_LENGTH <= end) {
    const micros = readNumber(chunk, at + MARK.length, MICROS);
    if (!Number.isNaN(micros)) {
      const from = at + MARK.length + MICROS;
      return { micros, writer: readNumber(chunk, from, WRITER), number: readNumber(chunk, from + WRITER, NUMBER) };
    }
    at = chunk.indexOf(MARK_BYTES, at + 1);
  }
  return undefined;
}

function digits(value: number, width: number): string {
  return String(Math.floor(value)).padStart(width, '0').slice(-width);
}

function readNumber(chunk: Buffer, at: number, width: number): number {
  let value = 0;
  for (let i = at; i < at + width; i += 1) {
    const digit = (chunk[i] ?? 0) - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}
