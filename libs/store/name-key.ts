/** When two names are the same, and when one looks like another (A3). */
import unhomoglyph from 'unhomoglyph';

/** Characters that show nothing, at any place. */
const UNSEEN = /[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}\p{Cs}\u2800\u{1d159}\u{16fe4}\ufffc]/gu;
const BLANKS = /\s+/gu;

/**
 * The key of a name: two spellings with the same key are one name. Compatibility forms (NFKC), case
 * (full case folding), the width and number of blanks, and invisible characters make no difference.
 * Empty if the name has nothing else.
 */
export function nameKey(name: string): string {
  let key = name;
  // Folding may leave a form that NFKC composes, and the other way round. Two rounds are enough for
  // all of Unicode.
  for (let round = 0; round < 2; round += 1) key = fold(key.normalize('NFKC').replace(UNSEEN, (unseen) => (/\s/.test(unseen) ? ' ' : '')));
  return key.normalize('NFKC').replace(BLANKS, ' ').trim();
}

/**
 * Full case folding (UAX 21). It folds each letter by itself, so that a final sigma is a sigma, and
 * goes over capitals, so that ß is ss. The dotless i shares its capital with i, and stays as it is.
 */
function fold(text: string): string {
  let folded = '';
  for (const letter of text) folded += letter === '\u0131' ? letter : lower(lower(letter).toUpperCase());
  return folded;
}

function lower(text: string): string {
  let all = '';
  for (const letter of text) all += letter.toLowerCase();
  return all;
}

/** The skeletons of names that new names were compared with, so that each is computed once. */
const known = new Map<string, readonly string[]>();
/** Most names of `known` beyond the names of a call. */
const KNOWN_SPARE = 1000;

/**
 * Returns the first of `others` that `name` could be mistaken for, in any case. Compares confusable
 * skeletons (UTS 39, section 4). The skeletons of `others` are cached.
 */
export function lookAlike(name: string, others: readonly string[]): string | undefined {
  if (known.size > others.length + KNOWN_SPARE) known.clear();
  const own = skeletons(name);
  return others.find((other) => {
    const theirs = known.get(other) ?? skeletons(other);
    known.set(other, theirs);
    return theirs.some((skeleton) => own.includes(skeleton));
  });
}

function skeletons(name: string): readonly string[] {
  const key = nameKey(name);
  return [name, key, key.toUpperCase()].map((form) => nameKey(skeleton(form)));
}

function skeleton(text: string): string {
  return unhomoglyph(text.normalize('NFD').replace(UNSEEN, '')).normalize('NFD');
}

/**
 * The key of a name, an address or an account: compatibility forms (NFKC) and case make no
 * difference.
 */
export function textKey(text: string): string {
  // Normalizes again: lower case may leave a form that NFKC composes.
  return text.normalize('NFKC').toLowerCase().normalize('NFKC');
}
