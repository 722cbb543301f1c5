import { useText } from '../i18n/language.tsx';
import styles from './admin.module.css';
import type { Person } from './admin-api.ts';

interface PersonListProps {
  readonly people: readonly Person[];
  readonly label: string;
  readonly choose: (id: string) => void;
}

export function PersonList({ people, label, choose }: PersonListProps) {
  const { people: words } = useText('admin');
  return (
    <ul className={styles['people']} aria-label={label}>
      {people.map(({ id, name, kind, sessions }) => (
        <li key={id}>
          <button type="button" className={styles['person']} data-person={id} onClick={() => choose(id)}>
            <span className={styles['personName']}>{name}</span>
            <span className={styles['personFacts']}>
              {Object.hasOwn(words.kinds, kind) ? words.kinds[kind as keyof typeof words.kinds] : kind}
              {' · '}
              {sessions > 0 ? words.sessions(sessions) : words.offline}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}
