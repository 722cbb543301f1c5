/** Characters of a name (A3), as Unicode code points. */
export const NAME_MAX = 21;

export function codePoints(text: string): number {
  return Array.from(text).length;
}
