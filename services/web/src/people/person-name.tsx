import type { Person } from '#libs/client/index.ts';
import { useText } from '../i18n/language.tsx';
import { kindLabel } from './kind-labels.ts';
import classes from './person-name.module.css';

interface KindTagProps {
  readonly kind: string | undefined;
}

/** Who somebody is by the word of the hub, in a box that no name can draw. One with an account has none. */
export function KindTag({ kind }: KindTagProps) {
  const word = kindLabel(kind, useText('kinds'));
  if (word === undefined) return null;
  return (
    <span className={classes.tag} data-kind={kind}>
      {word}
    </span>
  );
}

/** What somebody is called, and behind it who they are. However long the name is, the tag stays in view. */
export function PersonName({ person: { name, kind } }: { readonly person: Pick<Person, 'name' | 'kind'> }) {
  if (kindLabel(kind, useText('kinds')) === undefined) return <bdi title={name}>{name}</bdi>;
  return (
    <span className={classes.person}>
      <bdi className={classes.name} title={name}>
        {name}
      </bdi>{' '}
      <KindTag kind={kind} />
    </span>
  );
}
