import { Button, Text, TextInput } from '@mantine/core';
import { useMemo, useState } from 'react';

import { useText } from '../i18n/language.tsx';
import { PagedList } from '../list/paged-list.ts';
import { MoreButton } from '../ui/more-button.tsx';
import styles from './admin.module.css';
import { adminApi, type Online, type Person } from './admin-api.ts';
import { OnlineList } from './online-list.tsx';
import { Panel } from './panel.tsx';
import { PersonList } from './person-list.tsx';
import { useReason } from './use-format.ts';
import { useRepeated } from './use-repeated.ts';
import type { Known } from './watch.ts';

interface PeopleProps {
  readonly online: Known<Online>;
  readonly choose: (id: string) => void;
}

/** Who is online, and whoever is looked for. */
export function People({ online, choose }: PeopleProps) {
  const { people: words } = useText('admin');
  const reason = useReason();
  const [text, setText] = useState('');
  const [query, setQuery] = useState<PagedList<Person>>();
  // A press asks anew, also for the same text.
  const ask = useMemo(() => query && (() => query.load()), [query]);
  const [known, look] = useRepeated(ask);
  const found = query === undefined ? undefined : known.value;
  const error = query === undefined ? undefined : known.error;
  const status =
    error !== undefined
      ? reason(error)
      : found === undefined
        ? ''
        : found.length === 0
          ? words.nobody
          : words.found(found.length, query?.more === true);
  return (
    <Panel title={words.title} error={online.error}>
      <search>
        <form
          className={styles['find']}
          onSubmit={(event) => {
            event.preventDefault();
            const begins = text.trim();
            setQuery(begins === '' ? undefined : new PagedList((after) => adminApi.find(begins, after)));
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
          {query?.more === true && (
            <MoreButton
              label={words.more}
              load={() => {
                query.extend();
                return look();
              }}
            />
          )}
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
