import { Alert, Button, Text, TextInput } from '@mantine/core';
import { useMemo, useState } from 'react';
import { useText } from '../i18n/language.tsx';
import { PagedList } from '../list/paged-list.ts';
import { MoreButton } from '../ui/more-button.tsx';
import shared from './admin.module.css';
import { adminApi, ONLINE_SHOWN, type Online, type PersonRow } from './admin-api.ts';
import { useFormat, useReason } from './format.ts';
import { Panel } from './panel.tsx';
import styles from './people.module.css';
import { adminHrefOf, goTo } from './place.ts';
import { type Query, usePages, usePolled } from './queries.ts';

interface PeopleProps {
  readonly online: Query<Online>;
}

/** The people online, and the results of a search. */
export function People({ online }: PeopleProps) {
  const { people: words } = useText('admin');
  const reason = useReason();
  const [text, setText] = useState('');
  const [query, setQuery] = useState<PagedList<PersonRow>>();
  // A search with the same text also asks again.
  const ask = useMemo(() => query && (() => query.load()), [query]);
  const [known, look] = usePolled(ask);
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
            classNames={{ description: shared['hint'] ?? '' }}
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
        <OnlineList online={online.value} />
      ) : (
        <>
          <PersonList people={found} label={words.results} />
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

interface OnlineListProps {
  readonly online: Online | undefined;
}

/**
 * The people online. If there are many, a random sample that stays until the user asks for another
 * one: a list that jumps cannot be read. Or everybody, page by page.
 */
function OnlineList({ online }: OnlineListProps) {
  const { people: words } = useText('admin');
  const format = useFormat();
  const [kept, setKept] = useState<readonly PersonRow[]>();
  const [{ items, next, started, error }, load] = usePages(adminApi.everybody);
  const [whole, setWhole] = useState(false);
  const reason = useReason();
  if (online === undefined) return null;
  const { count, users } = online;
  const many = count > ONLINE_SHOWN;
  if (many && kept === undefined) setKept(users);
  if (!many && kept !== undefined) setKept(undefined);
  const everybody = many && whole;
  const shown = everybody ? items : many ? (kept ?? users) : users;
  const summary = everybody ? words.all : words.some;
  return (
    <>
      <div className={styles['listHead']}>
        <Text component="h3" size="sm" fw={600}>
          {many ? words.online : words.onlineAll(format.number(count))}
        </Text>
        {many && (
          <Text size="sm" className={shared['hint']}>
            {summary(format.number(shown.length), format.number(count))}{' '}
            {!everybody && (
              <Button variant="subtle" size="compact-sm" onClick={() => setKept(users)}>
                {words.others}
              </Button>
            )}
            <Button
              variant="subtle"
              size="compact-sm"
              onClick={() => {
                setWhole(!whole);
                if (!whole && !started) void load();
              }}
            >
              {everybody ? words.back : words.everybody}
            </Button>
          </Text>
        )}
      </div>
      {shown.length === 0 && !everybody ? (
        <Text className={shared['hint']}>{words.empty}</Text>
      ) : (
        <PersonList people={shown} label={words.online} />
      )}
      {everybody && error !== undefined && (
        <Alert color="red" role="alert">
          {reason(error)}
        </Alert>
      )}
      {everybody && (next !== undefined || error !== undefined) && <MoreButton label={words.more} load={() => load()} />}
    </>
  );
}

interface PersonListProps {
  readonly people: readonly (PersonRow & { readonly nodes?: readonly string[] })[];
  readonly label: string;
}

/** People as a list of buttons that open them, with their gateways if these are known. */
export function PersonList({ people, label }: PersonListProps) {
  const { people: words } = useText('admin');
  const format = useFormat();
  return (
    <ul className={styles['people']} aria-label={label}>
      {people.map(({ id, name, kind, sessions, nodes = [] }) => (
        <li key={id}>
          <button
            type="button"
            className={styles['person']}
            data-person={id}
            data-opens={adminHrefOf({ is: 'person', id })}
            onClick={() => goTo({ is: 'person', id })}
          >
            <span className={styles['personName']}>{name}</span>
            <span className={styles['personFacts']}>
              {Object.hasOwn(words.kinds, kind) ? words.kinds[kind as keyof typeof words.kinds] : kind}
              {' · '}
              {sessions > 0 ? words.sessions(sessions) : words.offline}
              {nodes.length > 0 && ` · ${format.list(nodes)}`}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}
