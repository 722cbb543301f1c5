import { useEffect, useState } from 'react';

import type { ParleyClient } from '#libs/client/index.ts';
import { browserTimers } from '../conversation/timers.ts';
import { Notifier } from '../notify/notifier.ts';
import { type KindLabels, plainName, useLatestKinds } from '../people/kind-labels.ts';
import { ChatContext, type ChatParts } from './chat-context.ts';
import { ChatLayout } from './chat-layout.tsx';
import { goTo, placeOfRoom } from './place.ts';
import type { ChatAccount } from './state/chat-client.ts';
import { ChatStore } from './state/chat-store.ts';

interface ChatProps {
  /** Connected, or on its way; with `delivered: 'manual'`: the chat tells what was read. Whoever made it closes it. */
  readonly client: ParleyClient;
  /** Logged in. */
  readonly account: ChatAccount;
}

/** The chat of whoever is logged in. It fills the box it is put into. */
export function Chat({ client, account }: ChatProps) {
  const kinds = useLatestKinds();
  const [parts] = useState(() => makeParts(client, account, kinds));
  const { store } = parts;
  useEffect(() => store.start(), [store]);
  useEffect(() => {
    const look = () => {
      store.visible = document.visibilityState === 'visible';
    };
    look();
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, [store]);
  return (
    <ChatContext.Provider value={parts}>
      <ChatLayout />
    </ChatContext.Provider>
  );
}

function makeParts(client: ParleyClient, account: ChatAccount, kinds: () => KindLabels): ChatParts {
  const notifier = new Notifier(globalThis.Notification);
  const store = new ChatStore({
    client,
    account,
    timers: browserTimers,
    onUnseen: (room, { from, text }) => {
      // What is said to everybody is nobody's news, unless it names them.
      if (room.kind === 'park' && !text.toLocaleLowerCase().includes(account.user.name.toLocaleLowerCase())) return;
      notifier.tell(room.room, plainName(from, kinds(), room.kind === 'group' ? room.name : undefined), text, () => {
        window.focus();
        goTo(placeOfRoom(room));
      });
    },
  });
  return { store, notifier };
}
