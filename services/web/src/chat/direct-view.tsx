import { useText } from '../i18n/language.tsx';
import { useChat } from './chat-context.ts';
import { RoomView } from './room/room-view.tsx';
import { useObservable } from './use-observable.ts';

/** Direct messages with somebody, also before the first one. */
export function DirectView({ user }: { readonly user: string }) {
  const text = useText('chat');
  const { store } = useChat();
  useObservable(store);
  const rooms = useObservable(store.rooms);
  const room = rooms.directWith(user);
  const person = store.person(user);
  const about = room === undefined ? undefined : room.count > 1 ? text.isOnline : text.isOffline;
  return (
    <RoomView key={user} talk={store.direct(user)} title={person?.name ?? text.direct} room={room} direct person={person} about={about} />
  );
}
