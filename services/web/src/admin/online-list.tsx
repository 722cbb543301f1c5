import { Alert, Button, Text } from '@mantine/core';
import { useState } from 'react';

import { useText } from '../i18n/language.tsx';
import { MoreButton } from '../ui/more-button.tsx';
import styles from './admin.module.css';
import { adminApi, ONLINE_SHOWN, type Online, type Person } from './admin-api.ts';
import { PersonList } from './person-list.tsx';
import { useAppended } from './use-appended.ts';
import { useFormat, useReason } from './use-format.ts';

interface OnlineListProps {
  readonly online: Online | undefined;
  readonly choose: (id: string) => void;
}

/**
 * All of them where they are few. Of many some, picked at random, which stay until others are asked for: a list that jumps cannot be read. Or everybody, page by
 * page.
 */
export function OnlineList({ online, choose }: OnlineListProps) {
  const { people: words } = useText('admin');
  const format = useFormat();
  const [kept, setKept] = useState<readonly Person[]>();
  const [{ items, next, begun, error }, load] = useAppended(adminApi.everybody);
  const [whole, setWhole] = useState(false);
  const reason = useReason();
  if (online === undefined) return null;
  const { count, users } = online;
  const many = count > ONLINE_SHOWN;
  if (many && kept === undefined) setKept(users);
  if (!many && kept !== undefined) setKept(undefined);
  const everybody = many && whole;
  const shown = everybody ? items : many ? (kept ?? users) : users;
  const said = everybody ? words.all : words.some;
  return (
    <>
      <div className={styles['listHead']}>
        <Text component="h3" size="sm" fw={600}>
          {words.online}
        </Text>
        {many && (
          <Text size="sm" className={styles['hint']}>
            {said(format.number(shown.length), format.number(count))}{' '}
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
                if (!whole && !begun) void load();
              }}
            >
              {everybody ? words.back : words.everybody}
            </Button>
          </Text>
        )}
      </div>
      {shown.length === 0 && !everybody ? (
        <Text className={styles['hint']}>{words.empty}</Text>
      ) : (
        <PersonList people={shown} label={words.online} choose={choose} />
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
