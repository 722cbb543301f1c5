/**
 * The characters of names (A3). Everything here works on code points.
 *
 * Sources: UTS 39 (security mechanisms), UTS 51 (emoji), RFC 5892 appendix A.1 and A.2 (joiners),
 * UAX 44 (properties).
 */

/**
 * Scripts by their ISO 15924 codes. Names may use these only. A name has one of them (UTS 39, section
 * 5): letters of another script that look alike could pass one name off as another.
 */
const SCRIPTS =
  'Latn Hani Cyrl Arab Hang Hira Kana Deva Grek Hebr Thai Beng Taml Telu Gujr Guru Knda Mlym Sinh Geor Armn Ethi Khmr Laoo Mymr Tibt Mong Bopo ' +
  'Adlm Aghb Ahom Armi Avst Bali Bamu Bass Batk Bhks Brah Brai Bugi Buhd Cakm Cans Cari Cham Cher Chrs Copt Cpmn Cprt Diak Dogr Dsrt Dupl Egyp Elba Elym ' +
  'Glag Gong Gonm Goth Gran Hano Hatr Hluw Hmng Hmnp Hung Ital Java Kali Kawi Khar Khoj Kits Kthi Lana Lepc Limb Lina Linb Lisu Lyci Lydi Mahj Maka Mand ' +
  'Mani Marc Medf Mend Merc Mero Modi Mroo Mtei Mult Nagm Nand Narb Nbat Newa Nkoo Nshu Ogam Olck Orkh Orya Osge Osma Ougr Palm Pauc Perm Phag Phli Phlp ' +
  'Phnx Plrd Prti Rjng Rohg Runr Samr Sarb Saur Sgnw Shaw Shrd Sidd Sind Sogd Sogo Sora Soyo Sund Sylo Syrc Tagb Takr Tale Talu Tang Tavt Tfng Tglg Thaa ' +
  'Tirh Tnsa Toto Ugar Vaii Vith Wara Wcho Xpeo Xsux Yezi Yiii Zanb';

/**
 * Scripts that are written together, with Latin beside them: Japanese, Chinese with Bopomofo,
 * Korean.
 */
const TOGETHER = [
  ['Latn', 'Hani', 'Hira', 'Kana'],
  ['Latn', 'Hani', 'Bopo'],
  ['Latn', 'Hani', 'Hang'],
];

/** One expression for each script or group of scripts. Made at first use: most are never needed. */
let spellings: Generator<RegExp> | undefined;
const made: RegExp[] = [];

/**
 * Whether a text is "Highly Restrictive" (UTS 39): all its characters belong to one script, or to
 * scripts that are written together. Characters of all scripts (digits, signs, emoji, marks) are
 * allowed everywhere.
 */
function spellsOneScript(text: string): boolean {
  for (const spelling of made) if (spelling.test(text)) return true;
  spellings ??= makeSpellings();
  for (let next = spellings.next(); !next.done; next = spellings.next()) {
    made.push(next.value);
    if (next.value.test(text)) return true;
  }
  return false;
}

function* makeSpellings(): Generator<RegExp> {
  const [latin = '', ...rest] = SCRIPTS.split(' ');
  yield spelling([latin]);
  for (const scripts of TOGETHER) yield spelling(scripts);
  for (const script of rest) yield spelling([script]);
}

function spelling(scripts: readonly string[]): RegExp {
  const sets = [...scripts, 'Zyyy', 'Zinh'].map((script) => `\\p{scx=${script}}`).join('');
  return new RegExp(`^[${sets}]*$`, 'u');
}

/** Blanks of every width. Names have only the plain one, and never two in a row. */
const BLANKS = /[\p{Zs}\t]+/gu;
/** Controls, private use, unassigned, lone surrogates, line separators. */
const CONTROLS = /[\p{Cc}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}]/u;
/**
 * Invisible characters, and signs that stand for no character. `JOINED` says where a script or an
 * emoji needs one.
 */
const UNSEEN = /[\p{Default_Ignorable_Code_Point}\p{Cf}\u2800\u{1d159}\u{16fe4}\ufffc]/u;
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u;
/** UTS 39, 5.4: more than four marks on one letter, or one twice. */
const HEAPED = /[\p{Mn}\p{Me}]{5}|([\p{Mn}\p{Me}])\1/u;
const MARKS_MAX = 4;

/** Marks of the class Virama: they join the letters around them. */
const VIRAMA = String.raw`[\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d3b\u0d3c\u0d4d\u0dca\u0e3a\u0eba\u0f84\u1039\u103a\u1714\u1715\u1734\u17d2\u1a60\u1b44\u1baa\u1bab\u1bf2\u1bf3\u2d7f\ua806\ua82c\ua8c4\ua953\ua9c0\uaaf6\uabed\u{10a3f}\u{11046}\u{11070}\u{1107f}\u{110b9}\u{11133}\u{11134}\u{111c0}\u{11235}\u{112ea}\u{1134d}\u{11442}\u{114c2}\u{115bf}\u{1163f}\u{116b6}\u{1172b}\u{11839}\u{1193d}\u{1193e}\u{119e0}\u{11a34}\u{11a47}\u{11a99}\u{11c3f}\u{11d44}\u{11d45}\u{11d97}\u{11f41}\u{11f42}]`;
const ARABIC = String.raw`[\p{Script_Extensions=Arabic}\p{Script_Extensions=Syriac}\p{Script_Extensions=Nko}]`;
const PICTURE = String.raw`\p{Extended_Pictographic}`;

/**
 * Places where an invisible character is allowed. Each alternative matches one such character, or a
 * whole tag sequence.
 */
const JOINED = new RegExp(
  [
    // An emoji sequence: joined pictures, the style of one, a keycap, the flag of a part of a
    // country.
    `(?<=${PICTURE}\\ufe0f?\\p{Emoji_Modifier}?)\\u200d(?=${PICTURE})`,
    `(?<=${PICTURE})[\\ufe0e\\ufe0f]`,
    String.raw`(?<=[0-9#*])\ufe0f(?=\u20e3)`,
    String.raw`(?<=\u{1f3f4})[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{3,6}\u{e007f}`,
    // A script that joins letters.
    `(?<=\\p{L}\\p{M}*${VIRAMA})[\\u200c\\u200d]`,
    `(?<=${ARABIC}\\p{M}*)(?<=\\p{L}\\p{M}*)[\\u200c\\u200d](?=\\p{L})(?=${ARABIC})`,
    String.raw`(?<=\p{Script=Mongolian})[\u180b-\u180d\u180f]`,
    String.raw`(?<=\p{Script=Mongolian}[\u180b-\u180d\u180f]?)\u180e(?=\p{Script=Mongolian})`,
  ].join('|'),
  'gu',
);

/** Plain ASCII letters, digits and signs need no closer look. */
const PLAIN = /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/;

export interface NameRules {
  /** Longest, in code points. */
  readonly max: number;
  /**
   * `whole`: all of it is written in one script (UTS 39 Highly Restrictive); `words`: each word is.
   */
  readonly script: 'whole' | 'words' | 'any';
}

/** Returns a name as it is kept: single blanks, none at its ends, Unicode form NFC. */
export function tidyName(text: string): string {
  return text.replace(BLANKS, ' ').trim().normalize('NFC');
}

/**
 * Why a tidy name is refused, as the end of a sentence about it ("must have ..."); undefined if it
 * is allowed. It counts first, so a text of any length may be given.
 */
export function nameFault(name: string, { max, script }: NameRules): string | undefined {
  if (name === '') return 'must have something to be seen';
  if (name.length > 2 * max || [...name].length > max) return `has at most ${max} characters`;
  if (PLAIN.test(name)) return undefined;
  const seen = name.replace(JOINED, '');
  if (!VISIBLE.test(strip(seen))) return 'must have something to be seen';
  if (CONTROLS.test(seen)) return 'must have no control characters, and none that are private or not assigned';
  if (UNSEEN.test(seen)) return 'must have no invisible characters';
  if (/^\p{M}/u.test(seen) || HEAPED.test(seen.normalize('NFD'))) return 'must not heap marks on a letter, or begin with one';
  if (script === 'whole' && !spellsOneScript(seen)) return 'must not mix scripts';
  if (script === 'words' && !seen.split(' ').every(spellsOneScript)) return 'must not mix scripts within a word';
  return undefined;
}

/**
 * Makes an allowed name of any text: removes what `nameFault` refuses and cuts it to `max` code
 * points. If nothing is left, it returns `instead`. Never throws.
 */
export function cleanName(text: string, max: number, instead: string): string {
  if (text.length <= max && PLAIN.test(text)) return text;
  // The cost follows the length, so a longer text is cut first.
  const tidy = tidyName(text.slice(0, 4 * max));
  // A joiner belongs where it stood. Beside removed characters it may not be allowed, so a second
  // try removes the joiners.
  for (const name of [cleaned(tidy, max, stripUnjoined), cleaned(tidy, max, strip)]) {
    if (nameFault(name, { max, script: 'any' }) === undefined) return name;
  }
  return instead;
}

function cleaned(tidy: string, max: number, stripped: (text: string) => string): string {
  const thinned = stripped(tidy)
    .normalize('NFD')
    .replace(/[\p{Mn}\p{Me}]{2,}/gu, thin);
  const all = [...tidyName(thinned.replace(/^[\p{M}\s]+/u, ''))];
  return all.length <= max
    ? all.join('')
    : all
        .slice(0, max)
        .join('')
        .replace(/[\p{Default_Ignorable_Code_Point} ]+$/u, '');
}

/** As `strip`, but keeps allowed joiners. */
function stripUnjoined(text: string): string {
  let kept = '';
  let from = 0;
  for (const { 0: joined, index } of text.matchAll(JOINED)) {
    kept += strip(text.slice(from, index)) + joined;
    from = index + joined.length;
  }
  return kept + strip(text.slice(from));
}

/** Removes controls and invisible characters. */
function strip(text: string): string {
  return text.replace(new RegExp(`${CONTROLS.source}|${UNSEEN.source}`, 'gu'), '');
}

/** Keeps each mark once, four at most. */
function thin(marks: string): string {
  return [...new Set(marks)].slice(0, MARKS_MAX).join('');
}
