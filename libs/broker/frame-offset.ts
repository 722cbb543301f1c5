/**
 * Reads the offset from a publication's fixed head `{"offset":N,` without parsing JSON. Returns 0 for any other payload,
 * which is a signal.
 *
 * It checks only four bytes: the broker writes all payloads, and no signal starts like this.
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
