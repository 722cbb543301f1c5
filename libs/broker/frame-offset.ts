/**
 * Reads the offset off a publication's fixed head `{"offset":N,`, without parsing JSON. 0 where the payload is something else: a signal.
 *
 * Only what the broker itself put there is told apart, not any JSON: signals never start like this.
 */
export function offsetOf(payload: Uint8Array): number {
  if (payload[0] !== 0x7b || payload[2] !== 0x6f || payload[5] !== 0x73 || payload[9] !== 0x3a) return 0;
  let offset = 0;
  for (let index = 10; ; index++) {
    const digit = (payload[index] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return offset;
    offset = offset * 10 + digit;
  }
}
