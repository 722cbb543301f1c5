import { useEffect, useState } from 'react';
import { Account } from '../account/account.ts';
import { Entry } from '../account/entry.tsx';
import { goTo, placeOf } from '../chat/place.ts';
import { useLanguage, useText } from '../i18n/language.tsx';
import { type BanFacts, banOf, banOfStatus, banText } from '../login/ban-text.ts';
import { cookieSuffix, hasLogin } from '../login/browser-login.ts';
import { ApiError, hubApi, hubUrl } from '../login/hub-api.ts';
import { tabStorage } from '../storage/browser-storage.ts';
import { renderPage } from '../ui/render-page.tsx';
import type { ChatSession } from './chat-page.tsx';

type ChatModule = typeof import('./chat-page.tsx');
type AppState =
  | { readonly is: 'loading' }
  | { readonly is: 'entry'; readonly message?: string; readonly ban?: BanFacts | undefined }
  | { readonly is: 'in'; readonly session: ChatSession; readonly ChatPage: ChatModule['ChatPage'] };

const isLoggedIn = () => hasLogin(document.cookie, 'parley_in', cookieSuffix());
const account = new Account({
  api: hubApi(fetch.bind(globalThis), hubUrl('api/v1')),
  storage: tabStorage,
  now: Date.now,
  hasLogin: isLoggedIn,
  locks: navigator.locks,
});

/**
 * Loads the chat, which is most of the script: a newcomer reads the entry and types a name meanwhile.
 *
 * @throws ApiError `UNREACHABLE`.
 */
async function loadChat(): Promise<ChatModule> {
  try {
    return await import('./chat-page.tsx');
  } catch (error) {
    throw new ApiError('UNREACHABLE', String(error));
  }
}

function preloadChat(): void {
  // If it fails, `enter` tries again.
  loadChat().catch(() => undefined);
}

/** The chat's page: the entry, or the chat of the person who is logged in. */
export function App() {
  const app = useText('app');
  const text = { ...app, ...useText('account') };
  const { locale } = useLanguage();
  const [place, setPlace] = useState<AppState>({ is: 'loading' });
  const enter = async () => {
    const { ChatPage, openSession } = await loadChat();
    const { user } = account;
    if (user !== undefined) setPlace({ is: 'in', session: openSession(account, user), ChatPage });
  };
  // A newcomer starts in the park, also on a small screen. A link leads to its own place.
  const onEntered = () => {
    if (placeOf(location.hash).is === 'lobby') goTo({ is: 'room', room: 'park' });
    return enter();
  };
  const leave = ({ client }: ChatSession) => {
    const ban = banOfStatus(client.status.reason);
    client.close();
    account.forget();
    setPlace({ is: 'entry', ban });
  };
  const logOut = async (session: ChatSession) => {
    session.unsent.end();
    const loggedOut = account.leave();
    leave(session);
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
    // Together with the login, which takes a request.
    if (isLoggedIn()) preloadChat();
    const resume = async () => {
      const resumed = await account.resume();
      if (!current) return;
      if (resumed) await enter();
      else setPlace({ is: 'entry' });
    };
    resume().catch((error: unknown) => {
      const ban = banOf(error);
      const unreachable = error instanceof ApiError && error.code === 'UNREACHABLE';
      if (!current) return;
      if (ban !== undefined) setPlace({ is: 'entry', ban });
      else setPlace({ is: 'entry', message: unreachable ? text.problems.UNREACHABLE : text.problems.other });
    });
    return () => {
      current = false;
    };
  }, []);
  useEffect(() => {
    if (place.is === 'entry') preloadChat();
  }, [place.is]);
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
        <place.ChatPage session={place.session} onLogOut={() => void logOut(place.session)} onStartOver={() => leave(place.session)} />
      );
  }
}

await renderPage(<App />);
