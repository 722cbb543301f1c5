import { Button, Center, Loader, Stack, Text } from '@mantine/core';
import { useEffect } from 'react';
import { useStore } from 'zustand/react';
import { ParleyClient } from '#libs/client/index.ts';
import { unsentOf } from '../conversation/page-unsent.ts';
import { browserTimers } from '../conversation/timers.ts';
import { useText } from '../i18n/language.tsx';
import { BrowserLogin, cookieSuffix, hasLogin } from '../login/browser-login.ts';
import { hubApi, hubUrl, socketUrl } from '../login/hub-api.ts';
import { Notifier } from '../notify/notifier.tsx';
import { plainName, useLatestKinds } from '../people/person-name.tsx';
import { browserStorage } from '../storage/browser-storage.ts';
import { renderPage } from '../ui/render-page.tsx';
import { AgentLogin } from './agent-login.tsx';
import { Inbox } from './inbox.tsx';
import { InboxNotifier } from './inbox-notifier.ts';
import { Workbench } from './workbench.ts';

/**
 * Milliseconds between two reads of the queue: the hub does not announce its changes. Also while
 * the page is hidden, for the title and the notifications.
 */
const REFRESH_MS = 5_000;

/** Agents have a login cookie of their own, beside the chat's. */
const AGENT = { kind: 'agent' };

const login = new BrowserLogin({
  api: hubApi(fetch.bind(globalThis), hubUrl('api/v1')),
  renewal: () => (hasLogin(document.cookie, 'parley_agent_in', cookieSuffix()) ? { path: '/auth/refresh', body: AGENT } : undefined),
  ending: AGENT,
  lock: 'parley.agent',
  locks: navigator.locks,
});

const visible = () => document.visibilityState === 'visible';

const bench = new Workbench({
  login,
  connect: () => new ParleyClient({ url: socketUrl(), getToken: login.getToken, delivered: 'manual' }),
  marks: browserStorage,
  timers: browserTimers,
  unsentOf: (owner) => unsentOf({ page: 'agent', owner }),
  visible,
});

const notifier = new Notifier(globalThis.Notification);

document.addEventListener('visibilitychange', () => visible() && bench.pageShown());
setInterval(() => void bench.refresh(), REFRESH_MS);
void bench.start();
await renderPage(<AgentPage bench={bench} notifier={notifier} visible={visible} />);

interface AgentPageProps {
  readonly bench: Workbench;
  readonly notifier: Notifier;
  /** Whether the page is visible. */
  readonly visible: () => boolean;
}

/** The page for agents: the login, or the workbench. */
export function AgentPage({ bench, notifier, visible }: AgentPageProps) {
  const view = useStore(bench.view);
  const kinds = useLatestKinds();
  useEffect(() => {
    const inboxNotifier = new InboxNotifier({
      visible,
      notify: ({ room, customer, text: body }) =>
        notifier.notify(room, plainName(customer, kinds()), body, () => {
          window.focus();
          void bench.select(room);
        }),
    });
    inboxNotifier.update(bench.view.getState());
    return bench.view.subscribe((now) => inboxNotifier.update(now));
  }, [bench, notifier, visible, kinds]);
  const text = useText('agent');
  switch (view.phase) {
    case 'starting':
      return (
        <Center component="main" h="100%">
          <Loader aria-label={text.loading} role="status" />
        </Center>
      );
    case 'unreachable':
      return (
        <Center component="main" h="100%" role="alert">
          <Stack align="center">
            <Text>{text.unreachable}</Text>
            <Button onClick={() => void bench.start()}>{text.again}</Button>
          </Stack>
        </Center>
      );
    case 'login':
      return <AgentLogin error={view.loginError} onLogIn={(name, password) => bench.logIn(name, password)} />;
    case 'inbox':
      return <Inbox bench={bench} view={view} notifier={notifier} />;
  }
}
