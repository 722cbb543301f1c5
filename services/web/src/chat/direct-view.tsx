import { useStore } from 'zustand/react';

import { useText } from '../i18n/language.tsx';
import { useChat } from './chat-context.ts';
import { RoomView } from './room/room-view.tsx';

/** Direct messages with somebody, also before the first one. */
export function DirectView({ user }: { readonly user: string }) {
  const text = useText('chat');
  const { store } = useChat();
  useStore(store.view, ({ begun }) => begun);
  const room = useStore(store.rooms.view, () => store.rooms.directWith(user));
  const person = store.person(user);
  const about = room === undefined ? undefined : room.count > 1 ? text.isOnline : text.isOffline;
  return (
    <RoomView key={user} thread={store.direct(user)} title={person?.name ?? text.direct} room={room} direct person={person} about={about} />
  );
}
