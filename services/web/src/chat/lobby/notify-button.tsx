import { ActionIcon } from '@mantine/core';

import { useText } from '../../i18n/language.tsx';
import { Icon } from '../../ui/icon.tsx';
import { useChat } from '../chat-context.ts';
import { useObservable } from '../use-observable.ts';

/** Asks for notifications, when it is pressed; tells how it stands afterwards. Nothing where the browser has none. */
export function NotifyButton() {
  const text = useText('chat');
  const notifier = useObservable(useChat().notifier);
  const { permission } = notifier;
  if (permission === 'unsupported') return null;
  const label = { default: text.notify, granted: text.notifyOn, denied: text.notifyDenied }[permission];
  return (
    <ActionIcon
      variant={permission === 'granted' ? 'light' : 'subtle'}
      color={permission === 'granted' ? 'leaf' : 'gray'}
      aria-label={label}
      title={label}
      disabled={permission === 'denied'}
      onClick={() => permission === 'default' && void notifier.ask()}
    >
      <Icon name="bell" />
    </ActionIcon>
  );
}
