/** The chat of a person who is logged in. A file of its own: the entry does not wait for it. */

import { ActionIcon, Text } from '@mantine/core';
import { useMemo } from 'react';
import { ParleyClient } from '#libs/client/index.ts';
import type { Account } from '../account/account.ts';
import { Chat } from '../chat/chat.tsx';
import { Banner, useStatus } from '../connection/connection.tsx';
import { followedBy, unsentOf } from '../conversation/page-unsent.ts';
import type { UnsentTexts } from '../conversation/unsent-texts.ts';
import { useText } from '../i18n/language.tsx';
import type { LoggedIn } from '../login/browser-login.ts';
import { socketUrl } from '../login/hub-api.ts';
import { Icon } from '../ui/icon.tsx';
import { Logo } from '../ui/logo.tsx';
import { Preferences } from '../ui/preferences.tsx';
import styles from './app.module.css';

/** What the chat of one person needs. The caller closes the client. */
export interface ChatSession {
  readonly user: LoggedIn;
  readonly call: Account['call'];
  readonly client: ParleyClient;
  readonly unsent: UnsentTexts;
}

/** Opens the page's only connection. The chat reports what was read, so delivery is manual. */
export function openSession({ call, getToken }: Account, user: LoggedIn): ChatSession {
  const unsent = unsentOf({ page: 'chat', owner: user.id });
  const client = new ParleyClient({ url: socketUrl(), getToken, delivered: 'manual' });
  client.connect();
  return { user, call, client, unsent: followedBy(unsent, client) };
}

interface ChatPageProps {
  readonly session: ChatSession;
  readonly onLogOut: () => void;
  readonly onStartOver: () => void;
}

/** The page of a person who is logged in: header, banner and chat. */
export function ChatPage({ session: { client, user, call, unsent }, onLogOut, onStartOver }: ChatPageProps) {
  const text = useText('app');
  const status = useStatus(client);
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
        <Chat client={client} account={account} unsent={unsent} />
      </div>
    </div>
  );
}
