import { useEffect, useState } from 'react';

import type { ParleyClient } from '#libs/client/index.ts';

import { Account } from '../account/account.ts';
import { Entry } from '../account/entry.tsx';
import { goTo, placeOf } from '../chat/place.ts';
import { openClient } from '../connection/open-client.ts';
import { useText } from '../i18n/language.tsx';
import type { LoggedIn } from '../login/browser-login.ts';
import { ApiError, hubApi } from '../login/hub-api.ts';
import { hubUrl } from '../login/hub-url.ts';
import { cookieSuffix, hasLogin } from '../login/login-hint.ts';
import { Stay } from './stay.tsx';

type Place =
  | { readonly is: 'loading' }
  | { readonly is: 'entry'; readonly message?: string }
  | { readonly is: 'in'; readonly user: LoggedIn; readonly client: ParleyClient };

const account = new Account({
  api: hubApi(fetch.bind(globalThis), hubUrl('api/v1')),
  storage: sessionStorage,
  hasLogin: () => hasLogin(document.cookie, 'parley_in', cookieSuffix()),
  locks: navigator.locks,
});

/** The page: the way in, or the chat of whoever is in. */
export function App() {
  const text = { ...useText('app'), ...useText('account') };
  const [place, setPlace] = useState<Place>({ is: 'loading' });
  const enter = () => {
    if (account.user !== undefined) setPlace({ is: 'in', user: account.user, client: openClient(account) });
  };
  // Whoever comes in wants to be among people, on a small screen too; whoever followed a link, there.
  const arrive = () => {
    if (placeOf(location.hash).is === 'lobby') goTo({ is: 'room', room: 'park' });
    enter();
  };
  const leave = (client: ParleyClient) => {
    client.close();
    account.forget();
    setPlace({ is: 'entry' });
  };
  const logOut = async (client: ParleyClient) => {
    const loggedOut = account.leave();
    leave(client);
    try {
      await loggedOut;
    } catch {
      setPlace({ is: 'entry', message: text.stillLoggedIn });
    }
  };
  // Once, at the start: words of another language change nothing.
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  useEffect(() => {
    let current = true;
    account.resume().then(
      (resumed) => {
        if (!current) return;
        if (resumed) enter();
        else setPlace({ is: 'entry' });
      },
      (error: unknown) => {
        const unreachable = error instanceof ApiError && error.code === 'UNREACHABLE';
        if (current) setPlace({ is: 'entry', message: unreachable ? text.problems.UNREACHABLE : text.problems.other });
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
    case 'entry':
      return <Entry key={place.message} account={account} message={place.message} onEntered={arrive} />;
    case 'in':
      return (
        <Stay
          client={place.client}
          user={place.user}
          call={account.call}
          onLogOut={() => void logOut(place.client)}
          onStartOver={() => leave(place.client)}
        />
      );
  }
}
