import type { ErrorCode } from './errors.ts';

/** What a close frame has room for beside its code, bytes (RFC 6455 section 5.5). */
const REASON_MAX_BYTES = 123;

const encoder = new TextEncoder();

/**
 * The reason of a close frame: the code's name, then what the caller adds. Cut at a character to 123 bytes of UTF-8: a longer reason, or half
 * a character, would be told as 1006.
 */
export function closeReason(code: ErrorCode, addition?: string | number): string {
  if (addition === undefined) return code;
  const text = `${code} ${addition}`;
  return text.slice(0, encoder.encodeInto(text, new Uint8Array(REASON_MAX_BYTES)).read).toWellFormed();
}
