import { Button, Center, Loader, Stack, Text } from '@mantine/core';
import { useEffect, useSyncExternalStore } from 'react';

import { useText } from '../i18n/language.tsx';
import type { Notifier } from '../notify/notifier.ts';
import { useLatestKinds } from '../people/kind-words.ts';
import { plainName } from '../people/plain-name.ts';
import { AgentLogin } from './agent-login.tsx';
import { Desk } from './desk.tsx';
import { Herald } from './herald.ts';
import type { Workbench } from './workbench.ts';

export interface AgentPageProps {
  readonly bench: Workbench;
  readonly notifier: Notifier;
  /** Whether the page is in view. */
  readonly visible: () => boolean;
}

/** The agents' page: the way in, or the workbench. */
export function AgentPage({ bench, notifier, visible }: AgentPageProps) {
  const view = useSyncExternalStore(bench.subscribe, () => bench.view);
  const kinds = useLatestKinds();
  useEffect(() => {
    const herald = new Herald({
      visible,
      tell: ({ room, customer, text: body }) =>
        notifier.tell(room, plainName(customer, kinds()), body, () => {
          window.focus();
          void bench.select(room);
        }),
    });
    herald.look(bench.view);
    return bench.subscribe(() => herald.look(bench.view));
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
    case 'desk':
      return <Desk bench={bench} view={view} notifier={notifier} />;
  }
}
