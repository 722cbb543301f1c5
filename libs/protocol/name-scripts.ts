/** Which scripts a name is written in (UTS 39, section 5): look-alikes of another script are how one name is passed off as another. */

/** Scripts by their ISO 15924 codes. A character of none of these is of no script that names are written in. */
const SCRIPTS =
  'Latn Hani Cyrl Arab Hang Hira Kana Deva Grek Hebr Thai Beng Taml Telu Gujr Guru Knda Mlym Sinh Geor Armn Ethi Khmr Laoo Mymr Tibt Mong Bopo ' +
  'Adlm Aghb Ahom Armi Avst Bali Bamu Bass Batk Bhks Brah Brai Bugi Buhd Cakm Cans Cari Cham Cher Chrs Copt Cpmn Cprt Diak Dogr Dsrt Dupl Egyp Elba Elym ' +
  'Glag Gong Gonm Goth Gran Hano Hatr Hluw Hmng Hmnp Hung Ital Java Kali Kawi Khar Khoj Kits Kthi Lana Lepc Limb Lina Linb Lisu Lyci Lydi Mahj Maka Mand ' +
  'Mani Marc Medf Mend Merc Mero Modi Mroo Mtei Mult Nagm Nand Narb Nbat Newa Nkoo Nshu Ogam Olck Orkh Orya Osge Osma Ougr Palm Pauc Perm Phag Phli Phlp ' +
  'Phnx Plrd Prti Rjng Rohg Runr Samr Sarb Saur Sgnw Shaw Shrd Sidd Sind Sogd Sogo Sora Soyo Sund Sylo Syrc Tagb Takr Tale Talu Tang Tavt Tfng Tglg Thaa ' +
  'Tirh Tnsa Toto Ugar Vaii Vith Wara Wcho Xpeo Xsux Yezi Yiii Zanb';

/** Scripts that are written together, with Latin beside them: Japanese, Chinese with Bopomofo, Korean. */
const TOGETHER = [
  ['Latn', 'Hani', 'Hira', 'Kana'],
  ['Latn', 'Hani', 'Bopo'],
  ['Latn', 'Hani', 'Hang'],
];

/** Names of one of these letters' sets; made at first use, most are never needed. */
let spellings: Generator<RegExp> | undefined;
const made: RegExp[] = [];

/**
 * Whether a text passes UTS 39's "Highly Restrictive": all its characters can be of one script, or of scripts that are written together. Characters
 * that all scripts share (digits, signs, emoji, marks) fit everywhere.
 */
export function spellsOneScript(text: string): boolean {
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
