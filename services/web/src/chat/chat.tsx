import { VisuallyHidden } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useEffect, useRef, useState } from 'react';
import { useStore } from 'zustand/react';
import type { ParleyClient } from '#libs/client/index.ts';
import { isManagedRoom } from '#libs/protocol/room-kinds.ts';
import { browserTimers } from '../conversation/timers.ts';
import type { UnsentTexts } from '../conversation/unsent-texts.ts';
import { useText } from '../i18n/language.tsx';
import type { Text } from '../i18n/languages.ts';
import { Notifier, useCountedTitle } from '../notify/notifier.tsx';
import { type KindTags, plainName, useLatestKinds } from '../people/person-name.tsx';
import classes from './chat.module.css';
import { ChatContext, type ChatParts, useChat } from './chat-context.ts';
import { Lobby } from './lobby/lobby.tsx';
import { NoticesBar } from './notices-bar.tsx';
import { PairView } from './pair/pair-view.tsx';
import { goTo, hrefOf, type Place, placeOf, placeOfRoom, roomTitle, usePlace } from './place.ts';
import { usePresenceOf } from './presence-text.ts';
import { NoRoom } from './room/no-room.tsx';
import { RoomView } from './room/room-view.tsx';
import type { ChatAccount } from './state/chat-client.ts';
import { ChatStore } from './state/chat-store.ts';
import type { Room } from './state/room-list.ts';

interface ChatProps {
  /**
   * A client with `delivered: 'manual'`, because the chat reports what was read. The caller closes
   * it.
   */
  readonly client: ParleyClient;
  /** The person who is logged in. */
  readonly account: ChatAccount;
  /** What the person wrote and the hub does not have yet. */
  readonly unsent: UnsentTexts;
}

/** The chat. It fills the box around it. */
export function Chat({ client, account, unsent }: ChatProps) {
  const kinds = useLatestKinds();
  const [parts] = useState(() => makeParts({ client, account, unsent }, kinds));
  const { store } = parts;
  useEffect(() => store.start(), [store]);
  useEffect(() => {
    const look = () => store.setVisible(document.visibilityState === 'visible');
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

/** Screens that show the list of rooms beside a room. Matches the width in the styles. */
const WIDE = '(min-width: 45.0625em)';

function makeParts({ client, account, unsent }: ChatProps, kinds: () => KindTags): ChatParts {
  const notifier = new Notifier(globalThis.Notification);
  const store = new ChatStore({
    client,
    account,
    timers: browserTimers,
    unsent,
    onUnseen: (room, { from, text }) => {
      // A message in the park is only reported if it contains the person's name.
      if (room.kind === 'park' && !text.toLocaleLowerCase().includes(account.user.name.toLocaleLowerCase())) return;
      notifier.notify(room.room, plainName(from, kinds(), room.kind === 'group' ? room.name : undefined), text, () => {
        window.focus();
        goTo(placeOfRoom(room));
      });
    },
    onElsewhere: (room, { from, text }) => {
      // The list of rooms shows it where it is in view.
      const isListed = matchMedia(WIDE).matches || placeOf(location.hash).is === 'lobby';
      if (room.with !== undefined && !isListed) store.notices.add({ kind: 'message', to: room, from, text });
    },
  });
  return { store, notifier };
}

const TITLE = 'Parley';

/** The list of rooms beside one room. A small screen shows one of them. */
function ChatLayout() {
  const { store } = useChat();
  const unread = useStore(store.rooms.view, () => store.rooms.unread);
  const asked = usePlace();
  const wide = useMediaQuery(WIDE, undefined, { getInitialValueInEffect: false }) ?? true;
  const place: Place = asked.is === 'lobby' && wide ? { is: 'room', room: 'park' } : asked;

  useCountedTitle(TITLE, unread);

  return (
    <div className={classes.chat} data-chat={hrefOf(place)}>
      {wide && <Lobby place={place} />}
      {!wide && place.is === 'lobby' && <LobbyAlone place={place} />}
      <PlaceView place={place} />
      <NoticesBar />
    </div>
  );
}

/** The list of rooms as the whole page. */
function LobbyAlone({ place }: { readonly place: Place }) {
  const { rooms } = useText('chat');
  return (
    <main className={classes.lobbyAlone}>
      <VisuallyHidden component="h1">{rooms}</VisuallyHidden>
      <Lobby place={place} />
    </main>
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

/** A room by its name. The list need not have it. */
function RoomPlace({ name }: { readonly name: string }) {
  const text = useText('chat');
  const { store } = useChat();
  const room = useStore(store.rooms.view, () => store.rooms.get(name));
  const thread = store.thread(name);
  const refused = useStore(thread.view, ({ status }) => status === 'refused');
  // If the room in view is lost, the list of rooms is shown. A notice says why.
  const seen = useRef<string>(undefined);
  useEffect(() => {
    if (room !== undefined) seen.current = name;
    else if (refused && seen.current === name) goTo({ is: 'lobby' });
  }, [room, refused, name]);
  if (room === undefined && refused) return <NoRoom />;
  const about = room?.kind === 'park' ? text.parkAbout : undefined;
  return (
    <RoomView
      key={name}
      thread={thread}
      title={titleOf(name, room, text)}
      room={room}
      about={about}
      direct={room?.closedAt !== undefined}
      person={room?.with}
    />
  );
}

/** The names of rooms that the hub makes say nothing to people: no title until the list has them. */
function titleOf(name: string, room: Room | undefined, text: Text<'chat'>): string {
  if (room !== undefined) return roomTitle(room, text);
  if (name === 'park') return text.park;
  return isManagedRoom(name) ? text.loading : name;
}

/** Direct messages with a person, also before the first one. */
function DirectView({ user }: { readonly user: string }) {
  const text = useText('chat');
  const { store } = useChat();
  useStore(store.view, ({ begun }) => begun);
  const room = useStore(store.rooms.view, () => store.rooms.directWith(user));
  const person = store.person(user);
  const about = usePresenceOf(room)?.words;
  return (
    <RoomView key={user} thread={store.direct(user)} title={person?.name ?? text.direct} room={room} direct person={person} about={about} />
  );
}
