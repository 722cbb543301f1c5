import type { ErrorCode } from './errors.ts';

/** Most bytes of the reason in a close frame (RFC 6455 section 5.5). */
const REASON_MAX_BYTES = 123;

const encoder = new TextEncoder();

/**
 * The reason of a close frame: the error code, then `addition`. It is cut at a character to 123 bytes of UTF-8. With a longer
 * reason, or half a character at its end, the client would see close code 1006.
 */
export function closeReason(code: ErrorCode, addition?: string | number): string {
  if (addition === undefined) return code;
  const text = `${code} ${addition}`;
  return text.slice(0, encoder.encodeInto(text, new Uint8Array(REASON_MAX_BYTES)).read).toWellFormed();
}
