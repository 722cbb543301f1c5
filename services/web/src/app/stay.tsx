import { ActionIcon, Text } from '@mantine/core';
import { useMemo } from 'react';

import type { ParleyClient } from '#libs/client/index.ts';

import type { Account } from '../account/account.ts';
import { Chat } from '../chat/chat.tsx';
import { Banner } from '../connection/banner.tsx';
import { ConnectionProvider, useStatus } from '../connection/connection.tsx';
import { useText } from '../i18n/language.tsx';
import type { LoggedIn } from '../login/browser-login.ts';
import { Icon } from '../ui/icon.tsx';
import { Logo } from '../ui/logo.tsx';
import { Preferences } from '../ui/preferences.tsx';
import styles from './stay.module.css';

interface StayProps {
  readonly client: ParleyClient;
  readonly user: LoggedIn;
  readonly call: Account['call'];
  readonly onLogOut: () => void;
  readonly onStartOver: () => void;
}

/** One stay in the hub, from coming in to leaving: who one is, how the connection does, and the chat below. */
export function Stay(props: StayProps) {
  return (
    <ConnectionProvider client={props.client}>
      <Frame {...props} />
    </ConnectionProvider>
  );
}

function Frame({ client, user, call, onLogOut, onStartOver }: StayProps) {
  const text = useText('app');
  const status = useStatus();
  const account = useMemo(() => ({ user, call }), [user, call]);
  const me = user.kind === 'guest' ? text.youGuest(user.name) : text.you(user.name);
  return (
    <div className={styles['page']} data-state={status.state}>
      <header className={styles['bar']}>
        <Logo size={28} />
        <Text component="span" className={styles['name']}>
          Parley
        </Text>
        <Text component="span" id="me" className={styles['me']} title={me}>
          {me}
        </Text>
        <Preferences />
        <ActionIcon variant="subtle" color="gray" size="md" aria-label={text.logOut} title={text.logOut} onClick={onLogOut}>
          <Icon name="leave" />
        </ActionIcon>
      </header>
      <Banner status={status} onRetry={() => client.retryNow()} onStartOver={onStartOver} />
      <div className={styles['body']}>
        <Chat client={client} account={account} />
      </div>
    </div>
  );
}
