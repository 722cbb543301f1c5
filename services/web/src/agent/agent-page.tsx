import { Button, Center, Loader, Stack, Text } from '@mantine/core';
import { useSyncExternalStore } from 'react';

import { useText } from '../i18n/language.tsx';
import type { Notifier } from '../notify/notifier.ts';
import { AgentLogin } from './agent-login.tsx';
import { Desk } from './desk.tsx';
import type { Workbench } from './workbench.ts';

/** The agents' page: the way in, or the workbench. */
export function AgentPage({ bench, notifier }: { readonly bench: Workbench; readonly notifier: Notifier }) {
  const view = useSyncExternalStore(bench.subscribe, () => bench.view);
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
