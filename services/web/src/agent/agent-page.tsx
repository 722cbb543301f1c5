import { Button, Center, Loader, Stack, Text } from '@mantine/core';
import { useEffect } from 'react';
import { useStore } from 'zustand/react';

import { useText } from '../i18n/language.tsx';
import type { Notifier } from '../notify/notifier.ts';
import { plainName, useLatestKinds } from '../people/kind-labels.ts';
import { AgentLogin } from './agent-login.tsx';
import { Inbox } from './inbox.tsx';
import { InboxNotifier } from './inbox-notifier.ts';
import type { Workbench } from './workbench.ts';

export interface AgentPageProps {
  readonly bench: Workbench;
  readonly notifier: Notifier;
  /** Whether the page is in view. */
  readonly visible: () => boolean;
}

/** The agents' page: the way in, or the workbench. */
export function AgentPage({ bench, notifier, visible }: AgentPageProps) {
  const view = useStore(bench.view);
  const kinds = useLatestKinds();
  useEffect(() => {
    const inboxNotifier = new InboxNotifier({
      visible,
      notify: ({ room, customer, text: body }) =>
        notifier.tell(room, plainName(customer, kinds()), body, () => {
          window.focus();
          void bench.select(room);
        }),
    });
    inboxNotifier.look(bench.view.getState());
    return bench.view.subscribe((now) => inboxNotifier.look(now));
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
