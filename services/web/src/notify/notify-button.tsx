import { ActionIcon } from '@mantine/core';
import { useSyncExternalStore } from 'react';

import { useText } from '../i18n/language.tsx';
import { Icon } from '../ui/icon.tsx';
import type { Notifier } from './notifier.ts';

/** Asks for notifications, when it is pressed; tells how it stands afterwards. Nothing where the browser has none. */
export function NotifyButton({ notifier }: { readonly notifier: Notifier }) {
  const text = useText('app').notifications;
  const permission = useSyncExternalStore(notifier.subscribe, () => notifier.permission);
  if (permission === 'unsupported') return null;
  return (
    <ActionIcon
      variant={permission === 'granted' ? 'light' : 'subtle'}
      color={permission === 'granted' ? 'leaf' : 'gray'}
      aria-label={text[permission]}
      title={text[permission]}
      disabled={permission === 'denied'}
      onClick={() => permission === 'default' && void notifier.ask()}
    >
      <Icon name="bell" />
    </ActionIcon>
  );
}
