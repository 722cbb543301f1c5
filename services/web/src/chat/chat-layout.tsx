import { useMediaQuery } from '@mantine/hooks';
import { useStore } from 'zustand/react';
import { useText } from '../i18n/language.tsx';
import { useCountedTitle } from '../notify/counted-title.ts';
import { useChat } from './chat-context.ts';
import classes from './chat-layout.module.css';
import { Lobby } from './lobby/lobby.tsx';
import { NoticesBar } from './notices-bar.tsx';
import { PairView } from './pair/pair-view.tsx';
import { hrefOf, type Place, usePlace } from './place.ts';
import { RoomView } from './room/room-view.tsx';
import { RoomPlace } from './room-place.tsx';

const TITLE = 'Parley';

/** The list of rooms and the room beside each other; on small screens one of them. */
export function ChatLayout() {
  const { store } = useChat();
  const unread = useStore(store.rooms.view, () => store.rooms.unread);
  const asked = usePlace();
  // The same width as in the styles.
  const wide = useMediaQuery('(min-width: 45.0625em)', undefined, { getInitialValueInEffect: false }) ?? true;
  const place: Place = asked.is === 'lobby' && wide ? { is: 'room', room: 'park' } : asked;

  useCountedTitle(TITLE, unread);

  return (
    <div className={classes.chat} data-chat={hrefOf(place)}>
      {(wide || place.is === 'lobby') && <Lobby place={place} />}
      <PlaceView place={place} />
      <NoticesBar />
    </div>
  );
}

function PlaceView({ place }: { readonly place: Place }) {
  switch (place.is) {
    case 'lobby':
      return null;
    case 'room':
      return <RoomPlace name={place.room} />;
    case 'direct':
      return <DirectView user={place.user} />;
    case 'pair':
      return <PairView />;
  }
}

/** Direct messages with somebody, also before the first one. */
function DirectView({ user }: { readonly user: string }) {
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
