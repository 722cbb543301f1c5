/** What makes two names one, and what makes one look like another (A3). */
import unhomoglyph from 'unhomoglyph';

/** What shows nothing, wherever it stands. */
const UNSEEN = /[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}\p{Cs}\u2800\u{1d159}\u{16fe4}\ufffc]/gu;
const BLANKS = /\s+/gu;

/**
 * One for all spellings of a name: compatibility forms (NFKC), the case of letters (full case folding), the width and number of blanks, and what cannot
 * be seen make no difference. '' for a text of nothing else.
 */
export function nameKey(name: string): string {
  let key = name;
  // Folding may leave a form that NFKC composes, and the other way round: two rounds settle all there are.
  for (let round = 0; round < 2; round += 1) key = fold(key.normalize('NFKC').replace(UNSEEN, (unseen) => (/\s/.test(unseen) ? ' ' : '')));
  return key.normalize('NFKC').replace(BLANKS, ' ').trim();
}

/**
 * Full case folding (UAX 21), as the language has it: every letter by itself, so that a final sigma is a sigma; over capitals, so that ß is ss. The
 * dotless i has a capital that it shares with i, and stays what it is.
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

/** The skeletons of names that others were held against, so that the names of agents are not taken apart for each newcomer. */
const known = new Map<string, readonly string[]>();
/** Names that `known` has beside those held against at the moment. */
const KNOWN_SPARE = 1000;

/**
 * The first of some names that one could be read as, by their confusable skeletons (UTS 39, section 4), in whatever case they are written. The same others
 * are taken apart once.
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

/** What makes a name, an address or an account one and the same: compatibility forms (NFKC) and the case of letters make no difference. */
export function textKey(text: string): string {
  // Once more: lower case may leave a form that NFKC composes.
  return text.normalize('NFKC').toLowerCase().normalize('NFKC');
}
