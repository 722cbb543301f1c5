import { ActionIcon, Text } from '@mantine/core';
import { useEffect, useMemo, useState } from 'react';
import { ParleyClient } from '#libs/client/index.ts';
import { Account } from '../account/account.ts';
import { Entry } from '../account/entry.tsx';
import { Chat } from '../chat/chat.tsx';
import { goTo, placeOf } from '../chat/place.ts';
import { Banner, useStatus } from '../connection/connection.tsx';
import { followedBy, unsentOf } from '../conversation/page-unsent.ts';
import type { UnsentTexts } from '../conversation/unsent-texts.ts';
import { useLanguage, useText } from '../i18n/language.tsx';
import { type BanFacts, banOf, banOfStatus, banText } from '../login/ban-text.ts';
import { cookieSuffix, hasLogin, type LoggedIn } from '../login/browser-login.ts';
import { ApiError, hubApi, hubUrl, socketUrl } from '../login/hub-api.ts';
import { tabStorage } from '../storage/browser-storage.ts';
import { Icon } from '../ui/icon.tsx';
import { Logo } from '../ui/logo.tsx';
import { Preferences } from '../ui/preferences.tsx';
import { renderPage } from '../ui/render-page.tsx';
import styles from './app.module.css';

type AppState =
  | { readonly is: 'loading' }
  | { readonly is: 'entry'; readonly message?: string; readonly ban?: BanFacts | undefined }
  | { readonly is: 'in'; readonly user: LoggedIn; readonly client: ParleyClient; readonly unsent: UnsentTexts };

const account = new Account({
  api: hubApi(fetch.bind(globalThis), hubUrl('api/v1')),
  storage: tabStorage,
  now: Date.now,
  hasLogin: () => hasLogin(document.cookie, 'parley_in', cookieSuffix()),
  locks: navigator.locks,
});

/** The chat's page: the entry, or the chat of the person who is logged in. */
export function App() {
  const app = useText('app');
  const text = { ...app, ...useText('account') };
  const { locale } = useLanguage();
  const [place, setPlace] = useState<AppState>({ is: 'loading' });
  const enter = () => {
    const { user } = account;
    if (user === undefined) return;
    const unsent = unsentOf({ page: 'chat', owner: user.id });
    const client = openClient(account);
    setPlace({ is: 'in', user, client, unsent: followedBy(unsent, client) });
  };
  // A newcomer starts in the park, also on a small screen. A link leads to its own place.
  const onEntered = () => {
    if (placeOf(location.hash).is === 'lobby') goTo({ is: 'room', room: 'park' });
    enter();
  };
  const leave = (client: ParleyClient) => {
    const ban = banOfStatus(client.status.reason);
    client.close();
    account.forget();
    setPlace({ is: 'entry', ban });
  };
  const logOut = async (client: ParleyClient, unsent: UnsentTexts) => {
    unsent.end();
    const loggedOut = account.leave();
    leave(client);
    // The next person does not come in by a room of this one.
    goTo({ is: 'lobby' });
    try {
      await loggedOut;
    } catch {
      setPlace({ is: 'entry', message: text.stillLoggedIn });
    }
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs once; a change of the language must not resume the login again
  useEffect(() => {
    let current = true;
    account.resume().then(
      (resumed) => {
        if (!current) return;
        if (resumed) enter();
        else setPlace({ is: 'entry' });
      },
      (error: unknown) => {
        const ban = banOf(error);
        const unreachable = error instanceof ApiError && error.code === 'UNREACHABLE';
        if (!current) return;
        if (ban !== undefined) setPlace({ is: 'entry', ban });
        else setPlace({ is: 'entry', message: unreachable ? text.problems.UNREACHABLE : text.problems.other });
      },
    );
    return () => {
      current = false;
    };
  }, []);
  switch (place.is) {
    case 'loading':
      return (
        <p id="loading" role="status">
          {text.loading}
        </p>
      );
    case 'entry': {
      const message = place.ban === undefined ? place.message : banText(place.ban, app, locale);
      return <Entry key={place.message} account={account} message={message} onEntered={onEntered} />;
    }
    case 'in':
      return (
        <ChatPage
          client={place.client}
          user={place.user}
          call={account.call}
          unsent={place.unsent}
          onLogOut={() => void logOut(place.client, place.unsent)}
          onStartOver={() => leave(place.client)}
        />
      );
  }
}

/** Opens the page's only connection. The chat reports what was read, so delivery is manual. */
export function openClient(account: Account): ParleyClient {
  const client = new ParleyClient({
    url: socketUrl(),
    getToken: account.getToken,
    delivered: 'manual',
  });
  client.connect();
  return client;
}

interface ChatPageProps {
  readonly client: ParleyClient;
  readonly user: LoggedIn;
  readonly call: Account['call'];
  readonly unsent: UnsentTexts;
  readonly onLogOut: () => void;
  readonly onStartOver: () => void;
}

/** The page of a person who is logged in: header, banner and chat. */
function ChatPage({ client, user, call, unsent, onLogOut, onStartOver }: ChatPageProps) {
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

await renderPage(<App />);
