import type { ReactNode } from 'react';

import type { Person } from '#libs/client/index.ts';
import { useLanguage, useText } from '../i18n/language.tsx';
import { PersonName } from '../people/person-name.tsx';
import { MoreButton } from '../ui/more-button.tsx';
import styles from './agent.module.css';

/** A conversation as a line of a list. */
export interface Row {
  readonly room: string;
  readonly customer: Person;
  readonly subject: string;
  /** Unix milliseconds. */
  readonly at: number;
  readonly unread: number;
  /** What was said last, or what else is to be known. */
  readonly line: ReactNode;
}

export interface ConversationListProps {
  readonly rows: readonly Row[];
  /** What is said where there are none. */
  readonly none: string;
  readonly current: string | undefined;
  readonly onSelect: (room: string) => void;
  /** Shows one page more; undefined: there is none. */
  readonly more: (() => Promise<unknown>) | undefined;
}

export function ConversationList({ rows, none, current, onSelect, more }: ConversationListProps) {
  const text = useText('agent');
  const { language } = useLanguage();
  if (rows.length === 0) return <p className={styles.none}>{none}</p>;
  return (
    <>
      <ul className={styles.rows}>
        {rows.map(({ room, customer, subject, at, unread, line }) => (
          <li key={room}>
            <button type="button" className={styles.row} aria-current={room === current} onClick={() => onSelect(room)}>
              <span className={styles.name}>
                <PersonName person={customer} />
              </span>
              <time dateTime={new Date(at).toISOString()}>
                {new Date(at).toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit' })}
              </time>
              <span className={styles.line}>{line ?? (subject === '' ? text.noSubject : subject)}</span>
              {unread > 0 && (
                <span className={styles.count} data-news role="img" aria-label={text.unread(unread)}>
                  {unread}
                </span>
              )}
            </button>
          </li>
        ))}
      </ul>
      {more !== undefined && <MoreButton label={text.more} load={more} />}
    </>
  );
}
