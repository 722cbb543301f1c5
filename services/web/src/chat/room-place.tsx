import { useStore } from 'zustand/react';

import { useText } from '../i18n/language.tsx';
import { useChat } from './chat-context.ts';
import { RoomView } from './room/room-view.tsx';
import { roomTitle } from './room-title.ts';

/** A room of many, by its name; also one that stands in no list. */
export function RoomPlace({ name }: { readonly name: string }) {
  const text = useText('chat');
  const { store } = useChat();
  const room = useStore(store.rooms.view, () => store.rooms.get(name));
  const title = room === undefined ? (name === 'park' ? text.park : name) : roomTitle(room, text);
  const about = room?.kind === 'park' ? text.parkAbout : undefined;
  return <RoomView key={name} thread={store.thread(name)} title={title} room={room} about={about} />;
}
