import type { Person } from '#libs/client/index.ts';
import classes from './person-picture.module.css';

const COLOURS = 12;

/**
 * A round picture of a person: the first character of the name, in a colour that depends on the id.
 * Hidden from screen readers.
 */
export function PersonPicture({ person, small = false }: { readonly person: Person; readonly small?: boolean }) {
  return (
    <span className={classes.picture} data-colour={colourOf(person.id)} data-small={small || undefined} aria-hidden="true">
      {initial(person.name)}
    </span>
  );
}

function colourOf(id: string): number {
  let hash = 0;
  for (const character of id) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return hash % COLOURS;
}

/**
 * A flag, or a character with its marks, its skin tone, and the pictures joined to it. `Intl.Segmenter`
 * knows more scripts, but not all supported browsers have it.
 */
const FIRST = /^(?:\p{RI}{2}|.(?:\p{M}|[\p{EMod}\u{e0020}-\u{e007f}]|\u200d\p{ExtPict})*)/su;

/** The first character of a name as people see it, in upper case. */
export function initial(name: string): string {
  return (FIRST.exec(name)?.[0] ?? '?').toLocaleUpperCase();
}
