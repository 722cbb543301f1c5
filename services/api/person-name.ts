/** Characters of a name at most (A3), as Unicode code points. */
const NAME_MAX = 21;
/** Control and format characters (but the two joiners that scripts and emoji need), surrogates, separators of lines, and `@`. */
const FORBIDDEN = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}@]|(?![\u200c\u200d])\p{Cf}/u;
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u;

/**
 * The name as it is kept: without blanks around it, in Unicode form NFC. `undefined` where it breaks A3: empty (or nothing to be
 * seen in it), over 21 characters, an `@`, control characters.
 */
export function toPersonName(text: string): string | undefined {
  const name = text.trim().normalize('NFC');
  // Code points are half the UTF-16 units at least: no need to count a text of any length.
  if (name.length > NAME_MAX * 2 || [...name].length > NAME_MAX) return undefined;
  return VISIBLE.test(name) && !FORBIDDEN.test(name) ? name : undefined;
}
