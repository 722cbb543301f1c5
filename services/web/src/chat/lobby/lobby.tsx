import { ActionIcon, Text } from '@mantine/core';
import { useState } from 'react';
import { useStore } from 'zustand/react';
import { useText } from '../../i18n/language.tsx';
import { NotifyButton } from '../../notify/notifier.tsx';
import { Icon } from '../../ui/icon.tsx';
import { MoreButton } from '../../ui/more-button.tsx';
import { useChat } from '../chat-context.ts';
import { hrefOf, type Place, placeOfRoom } from '../place.ts';
import type { Room } from '../state/room-list.ts';
import classes from './lobby.module.css';
import { NewGroup } from './new-group.tsx';
import { PairItem, RoomItem } from './room-item.tsx';

/** The list of rooms, with their unread counts. `place`: the place in view. */
export function Lobby({ place }: { readonly place: Place }) {
  const text = useText('chat');
  const { store, notifier } = useChat();
  const { rooms, loaded, problem, more } = useStore(store.rooms.view);
  const online = useStore(store.view, (state) => state.online);
  const connected = useStore(store.view, (state) => state.connected);
  // An empty list that was not read yet says nothing about groups and people.
  const none = (words: string) => <p className={classes.none}>{loaded ? words : text.loading}</p>;
  const [making, setMaking] = useState(false);
  const groups = rooms.filter(({ kind }) => kind === 'group');
  const people = rooms.filter(({ kind }) => kind === 'dm' || kind === 'conv');
  const ended = rooms.filter(({ closedAt }) => closedAt !== undefined);
  const items = (some: readonly Room[]) => some.map((room) => <RoomItem key={room.room} room={room} current={isAt(place, room)} />);

  return (
    <nav className={classes.lobby} aria-label={text.rooms}>
      <header className={classes.head}>
        <Text component="p" className={classes.online} data-online={online} data-green={connected || undefined}>
          {online === undefined ? '' : connected ? text.online(online) : text.presenceUnknown}
        </Text>
        <NotifyButton notifier={notifier} />
      </header>
      <div className={classes.scroller}>
        {problem !== undefined && (
          <Text size="sm" c="var(--bad)" role="status" px="sm">
            {text.listFailed}
          </Text>
        )}
        <ul className={classes.list}>
          {items(rooms.filter(({ kind }) => kind === 'park'))}
          <PairItem current={place.is === 'pair'} />
        </ul>
        <section aria-labelledby="lobby-groups">
          <div className={classes.sectionHead}>
            <h2 id="lobby-groups">{text.groups}</h2>
            <ActionIcon variant="subtle" color="gray" aria-label={text.newGroup} title={text.newGroup} onClick={() => setMaking(true)}>
              <Icon name="plus" />
            </ActionIcon>
          </div>
          {groups.length === 0 ? none(text.noGroups) : <ul className={classes.list}>{items(groups)}</ul>}
        </section>
        <section aria-labelledby="lobby-direct">
          <div className={classes.sectionHead}>
            <h2 id="lobby-direct">{text.direct}</h2>
          </div>
          {people.length === 0 ? none(text.noDirect) : <ul className={classes.list}>{items(people)}</ul>}
        </section>
        {ended.length > 0 && (
          <section aria-labelledby="lobby-ended">
            <div className={classes.sectionHead}>
              <h2 id="lobby-ended">{text.earlierPartners}</h2>
            </div>
            <ul className={classes.list}>{items(ended)}</ul>
          </section>
        )}
        {more && <MoreButton label={text.moreRooms} load={() => store.moreRooms()} />}
      </div>
      <NewGroup opened={making} onClose={() => setMaking(false)} />
    </nav>
  );
}

function isAt(place: Place, room: Room): boolean {
  return hrefOf(place) === hrefOf(placeOfRoom(room));
}
