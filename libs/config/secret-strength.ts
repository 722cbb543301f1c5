/** Secrets from examples, tutorials and other projects' defaults that are long enough to pass for one. */
const EXAMPLES = new Set([
  'your-256-bit-secret-your-256-bit-secret',
  'a-string-secret-at-least-256-bits-long',
  'a-valid-string-secret-that-is-at-least-384-bits-long',
  'a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long',
  'super-secret-jwt-token-with-at-least-32-characters-long',
]);

/** What stands where an example wants to be filled in. */
const PLACEHOLDER = /change[-_ ]?(me|this|it)\b|your[-_ ].*secret|placeholder|insert[-_ ]/i;

/** Whether a secret is one that others know or will try first, whatever its length. */
export function isWellKnownSecret(secret: string): boolean {
  return EXAMPLES.has(secret) || PLACEHOLDER.test(secret);
}
/** How hard a secret is to guess, as far as its text tells. */

/** What people write where a random text belongs, most telling first. */
const WORDS =
  /password|passw0rd|passwort|secret|parley|jwt|token|default|example|changeme|change|please|production|development|staging|testing|test|admin|qwertyuiop|qwerty|asdfghjkl|asdf|zxcvbnm|letmein|welcome|super|private|public|secure|signing|service|server|local|chat|key|this|that|with|must|should|very|long|least|bytes|byte|bits|bit|characters|character|random|something|value|your|my|the|for|and|not|me|to|is|be|in|of|at|correct|horse|battery|staple/gi;
/** A word of such a list is worth no more than its place in the list. */
const WORD_BITS = 7;

/**
 * An upper estimate in bits: Shannon's entropy of the characters that the text has, times how many there are; repetitions, runs such as `abcd` and `4321`, and words
 * of a small list count little. A text of random characters comes to nearly what it has: 32 hexadecimal digits to more than 100 of their 128 bits.
 */
export function secretBits(secret: string): number {
  let words = 0;
  const rest = secret.replace(WORDS, () => {
    words += 1;
    return '\0';
  });
  const text = rest.replaceAll('\0', '');
  return words * WORD_BITS + bitsOf(Array.from(firstPeriod(text), (character) => character.codePointAt(0) ?? 0));
}

/** What of a text that repeats itself is new. */
function firstPeriod(text: string): string {
  for (let period = 1; period <= text.length / 2; period++) {
    if (text.startsWith(text.slice(period))) return text.slice(0, period);
  }
  return text;
}

function bitsOf(characters: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const character of characters) counts.set(character, (counts.get(character) ?? 0) + 1);
  let entropy = 0;
  for (const count of counts.values()) entropy -= (count / characters.length) * Math.log2(count / characters.length);
  let bits = 0;
  for (const [place, character] of characters.entries()) {
    const step = character - (characters[place - 1] ?? character);
    const before = (characters[place - 1] ?? 0) - (characters[place - 2] ?? 0);
    // The third of a run, upward, downward or in place, is no surprise.
    bits += place > 1 && step === before && Math.abs(step) <= 1 ? 0 : entropy;
  }
  return bits;
}
