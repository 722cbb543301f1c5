/** Characters of a mailed code (A1). */
export const CODE_LENGTH = 6;

/** A1: without 0, O, 1, I and L. */
const CODE = /^[2-9A-HJKMNP-Z]{6}$/;
/** Blanks, dashes, and characters that are not seen: mail programs put them in. */
const BETWEEN = /[\s\p{Pd}\p{Cf}]/gu;

/**
 * The code in a text that somebody typed or pasted: the text itself, whatever blanks and dashes it
 * has, or the only line of it that is a code. Upper case. Undefined if there is none.
 */
export function codeIn(text: string): string | undefined {
  const whole = tidy(text);
  if (CODE.test(whole)) return whole;
  const lines = text.split(/[\r\n]+/).map(tidy);
  const codes = new Set(lines.filter((line) => CODE.test(line)));
  return codes.size === 1 ? codes.values().next().value : undefined;
}

/** Full-width letters of an input method become plain ones (NFKC). */
function tidy(text: string): string {
  return text.normalize('NFKC').replace(BETWEEN, '').toUpperCase();
}
