import { ActionIcon } from '@mantine/core';
import { useStore } from 'zustand/react';
import { useText } from '../i18n/language.tsx';
import { Icon } from '../ui/icon.tsx';
import classes from './chat.module.css';
import { useChat } from './chat-context.ts';
import { UnreadMark } from './lobby/room-item.tsx';
import { hrefOf } from './place.ts';

/**
 * The way from a room to the list of rooms, on screens that show one of them. Counts the unread
 * messages of my own rooms.
 */
export function BackLink({ className }: { readonly className: string | undefined }) {
  const text = useText('chat');
  const { store } = useChat();
  const unread = useStore(store.rooms.view, () => store.rooms.unreadForMe);
  return (
    <span className={className}>
      <span className={classes.back}>
        <ActionIcon
          component="a"
          href={hrefOf({ is: 'lobby' })}
          variant="subtle"
          color="gray"
          size="lg"
          aria-label={unread === 0 ? text.back : `${text.back}: ${text.unread(unread)}`}
        >
          <Icon name="back" />
        </ActionIcon>
        {/* Beside the link, which would cut it. */}
        <span className={classes.backMark} aria-hidden="true">
          <UnreadMark count={unread} />
        </span>
      </span>
    </span>
  );
}
