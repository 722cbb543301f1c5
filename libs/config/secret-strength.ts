/** Finds secrets that are easy to guess. */

/** Secrets of examples, tutorials and other projects that are long enough to be accepted. */
const EXAMPLES = new Set([
  'your-256-bit-secret-your-256-bit-secret',
  'a-string-secret-at-least-256-bits-long',
  'a-valid-string-secret-that-is-at-least-384-bits-long',
  'a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long',
  'super-secret-jwt-token-with-at-least-32-characters-long',
]);

/** Placeholders of examples. */
const PLACEHOLDER = /change[-_ ]?(me|this|it)\b|your[-_ ].*secret|placeholder|insert[-_ ]/i;

/** Whether a secret is public or among the first guesses, whatever its length. */
export function isWellKnownSecret(secret: string): boolean {
  return EXAMPLES.has(secret) || PLACEHOLDER.test(secret);
}

/** Common words in weak secrets. A word stands before the shorter words that it contains. */
const WORDS =
  /password|passw0rd|passwort|secret|parley|jwt|token|default|example|changeme|change|please|production|development|staging|testing|test|admin|qwertyuiop|qwerty|asdfghjkl|asdf|zxcvbnm|letmein|welcome|super|private|public|secure|signing|service|server|local|chat|key|this|that|with|must|should|very|long|least|bytes|byte|bits|bit|characters|character|random|something|value|your|my|the|for|and|not|me|to|is|be|in|of|at|correct|horse|battery|staple/gi;
/** Bits that a common word adds: about its place in the list. */
const WORD_BITS = 7;

/**
 * Estimates the strength of a secret in bits, from above: Shannon's entropy of its characters,
 * times their number. Repetitions, runs such as `abcd` and `4321`, and common words count little. A
 * random text gets nearly its real strength: 32 hexadecimal digits get more than 100 of their 128
 * bits.
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

/** Returns the first period of a text that repeats itself, otherwise the whole text. */
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
    // From the third character of a run on (upward, downward or the same), a character adds
    // nothing.
    bits += place > 1 && step === before && Math.abs(step) <= 1 ? 0 : entropy;
  }
  return bits;
}
