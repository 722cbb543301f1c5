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

function initial(name: string): string {
  const [first] = new Intl.Segmenter().segment(name);
  return (first?.segment ?? '?').toLocaleUpperCase();
}
