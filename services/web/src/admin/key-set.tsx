import { useText } from '../i18n/language.tsx';
import styles from './admin.module.css';
import type { KeySetState } from './admin-api.ts';
import { Panel, StateMark } from './panel.tsx';
import { useFormat } from './use-format.ts';

/** How the program that answers gets the keys of another issuer. */
export function KeySet({ state: { host, fetchedAt, problem } }: { readonly state: KeySetState }) {
  const { keySet: words } = useText('admin');
  const format = useFormat();
  const known = fetchedAt !== null;
  const severity = problem !== null ? (known ? 'warn' : 'bad') : known ? 'well' : 'note';
  return (
    <Panel
      title={words.title}
      aside={<StateMark severity={severity} words={problem !== null ? words.failed : known ? words.fetched : words.notAsked} />}
    >
      <dl className={styles['details']}>
        <dt>{words.host}</dt>
        <dd data-key-set="host">{host}</dd>
        <dt>{words.last}</dt>
        <dd data-key-set="last">{known ? format.dateTime(fetchedAt) : words.never}</dd>
        {problem !== null && (
          <>
            <dt>{words.problem}</dt>
            <dd data-key-set="problem">{problem}</dd>
          </>
        )}
      </dl>
    </Panel>
  );
}
