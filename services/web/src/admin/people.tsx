import { Button, Text, TextInput } from '@mantine/core';
import { useMemo, useState } from 'react';

import { useText } from '../i18n/language.tsx';
import styles from './admin.module.css';
import { adminApi, ONLINE_SHOWN, type Online, type Person } from './admin-api.ts';
import { Panel } from './panel.tsx';
import { useFormat, useReason } from './use-format.ts';
import { useRepeated } from './use-repeated.ts';
import type { Known } from './watch.ts';

interface Props {
  readonly online: Known<Online>;
  readonly choose: (id: string) => void;
}

/** Who is online, and whoever is looked for. */
export function People({ online, choose }: Props) {
  const { people: words } = useText('admin');
  const reason = useReason();
  const [text, setText] = useState('');
  const [query, setQuery] = useState<{ readonly text: string }>();
  // A press asks anew, also for the same text.
  const ask = useMemo(() => query && (() => adminApi.find(query.text)), [query]);
  const [known] = useRepeated(ask);
  const found = query === undefined ? undefined : known.value;
  const error = query === undefined ? undefined : known.error;
  const status =
    error !== undefined ? reason(error) : found === undefined ? '' : found.length === 0 ? words.nobody : words.found(found.length);
  return (
    <Panel title={words.title} error={online.error}>
      <search>
        <form
          className={styles['find']}
          onSubmit={(event) => {
            event.preventDefault();
            setQuery(text.trim() === '' ? undefined : { text: text.trim() });
          }}
        >
          <TextInput
            label={words.find}
            description={words.findHint}
            classNames={{ description: styles['hint'] ?? '' }}
            value={text}
            maxLength={256}
            autoComplete="off"
            spellCheck={false}
            onChange={({ currentTarget }) => setText(currentTarget.value)}
          />
          <Button type="submit">{words.search}</Button>
        </form>
      </search>
      <Text size="sm" role="status" className={styles['status']}>
        {status}
      </Text>
      {found === undefined ? (
        <OnlineList online={online.value} choose={choose} />
      ) : (
        <>
          <PersonList people={found} label={words.results} choose={choose} />
          <Button
            variant="subtle"
            size="compact-sm"
            onClick={() => {
              setQuery(undefined);
              setText('');
            }}
          >
            {words.clear}
          </Button>
        </>
      )}
    </Panel>
  );
}

/** All of them where they are few. Of many some, picked at random, which stay until others are asked for: a list that jumps cannot be read. */
function OnlineList({ online, choose }: { readonly online: Online | undefined; readonly choose: (id: string) => void }) {
  const { people: words } = useText('admin');
  const format = useFormat();
  const [kept, setKept] = useState<readonly Person[]>();
  if (online === undefined) return null;
  const { count, users } = online;
  const many = count > ONLINE_SHOWN;
  if (many && kept === undefined) setKept(users);
  if (!many && kept !== undefined) setKept(undefined);
  const shown = many ? (kept ?? users) : users;
  return (
    <>
      <div className={styles['listHead']}>
        <Text component="h3" size="sm" fw={600}>
          {words.online}
        </Text>
        {many && (
          <Text size="sm" className={styles['hint']}>
            {words.some(format.number(shown.length), format.number(count))}{' '}
            <Button variant="subtle" size="compact-sm" onClick={() => setKept(users)}>
              {words.others}
            </Button>
          </Text>
        )}
      </div>
      {shown.length === 0 ? (
        <Text className={styles['hint']}>{words.empty}</Text>
      ) : (
        <PersonList people={shown} label={words.online} choose={choose} />
      )}
    </>
  );
}

interface ListProps {
  readonly people: readonly Person[];
  readonly label: string;
  readonly choose: (id: string) => void;
}

function PersonList({ people, label, choose }: ListProps) {
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
