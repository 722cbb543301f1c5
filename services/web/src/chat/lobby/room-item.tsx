import { VisuallyHidden } from '@mantine/core';
import { memo } from 'react';
import { useStore } from 'zustand/react';
import type { Person } from '#libs/client/index.ts';
import { useText } from '../../i18n/language.tsx';
import { PersonName } from '../../people/person-name.tsx';
import { PersonPicture } from '../../people/person-picture.tsx';
import { Icon } from '../../ui/icon.tsx';
import { useChat } from '../chat-context.ts';
import { hrefOf, placeOfRoom, roomTitle } from '../place.ts';
import { usePresenceOf } from '../presence-text.ts';
import type { Room } from '../state/room-list.ts';
import classes from './lobby.module.css';

/**
 * One room of the list: name, newest message, people and unread count. Memoised: if one room of
 * hundreds changes, only that one renders.
 */
export const RoomItem = memo(function RoomItem({ room, current }: { readonly room: Room; readonly current: boolean }) {
  const text = useText('chat');
  const { store } = useChat();
  const newest = useStore(store.thread(room.room).view, (state) => state.newest);
  const presence = usePresenceOf(room);
  const about =
    room.kind === 'park'
      ? text.parkAbout
      : room.closedAt === undefined
        ? (presence?.words ?? text.here(room.count))
        : text.pairEnded.closed;

  return (
    <li>
      <a
        className={classes.item}
        href={hrefOf(placeOfRoom(room))}
        aria-current={current ? 'page' : undefined}
        data-room={room.room}
        data-new={room.unread > 0 || undefined}
      >
        <span className={classes.picture}>
          {room.kind === 'park' ? (
            <span className={classes.roomPicture}>
              <Icon name="tree" />
            </span>
          ) : (
            <PersonPicture person={room.with ?? { id: room.room, name: room.name }} />
          )}
          {presence?.online && <span className={classes.dot} data-green />}
        </span>
        <span className={classes.words}>
          <span className={classes.name}>{room.with === undefined ? roomTitle(room, text) : <PersonName person={room.with} />}</span>
          <span className={classes.about}>
            {newest === undefined ? about : <Preview from={newest.from} text={newest.text} direct={room.with !== undefined} />}
          </span>
        </span>
        <span className={classes.marks}>
          {room.with === undefined && (
            <span className={classes.count} data-count={room.count}>
              <Icon name="people" size={13} />
              <span aria-hidden="true">{room.count}</span>
              <VisuallyHidden>{text.here(room.count)}</VisuallyHidden>
            </span>
          )}
          {presence !== undefined && <VisuallyHidden>{presence.words}</VisuallyHidden>}
          <UnreadMark count={room.unread} />
        </span>
      </a>
    </li>
  );
});

function Preview({ from, text, direct }: { readonly from: Person; readonly text: string; readonly direct: boolean }) {
  return (
    <>
      {!direct && (
        <>
          <span className={classes.speaker}>
            <PersonName person={from} />
          </span>
          {': '}
        </>
      )}
      <bdi>{text}</bdi>
    </>
  );
}

/** The row of my pair. Without a pair it leads to the search. */
export function PairItem({ current }: { readonly current: boolean }) {
  const text = useText('chat');
  const { store } = useChat();
  const state = useStore(store.pair.view, (search) => search.state);
  const pair = state.is === 'paired' ? state.pair : undefined;
  const presence = usePresenceOf(useStore(store.rooms.view, () => (pair === undefined ? undefined : store.rooms.get(pair.room))));
  const unread = useStore(store.rooms.view, () => (pair === undefined ? 0 : (store.rooms.get(pair.room)?.unread ?? 0)));
  const about = pair !== undefined ? (presence?.words ?? text.partner) : state.is === 'waiting' ? text.partnerWaiting : text.partnerAbout;

  return (
    <li>
      <a className={classes.item} href={hrefOf({ is: 'pair' })} aria-current={current ? 'page' : undefined} data-pair={state.is}>
        <span className={classes.picture}>
          {pair === undefined ? (
            <span className={classes.roomPicture}>
              <Icon name="pair" />
            </span>
          ) : (
            <PersonPicture person={pair.with} />
          )}
          {presence?.online && <span className={classes.dot} data-green />}
        </span>
        <span className={classes.words}>
          <span className={classes.name}>{pair === undefined ? text.partner : <PersonName person={pair.with} />}</span>
          <span className={classes.about}>{about}</span>
        </span>
        <span className={classes.marks}>
          <UnreadMark count={unread} />
        </span>
      </a>
    </li>
  );
}

const SHOWN_MAX = 99;

/** The number of unread messages. Renders nothing at 0. */
export function UnreadMark({ count }: { readonly count: number }) {
  const text = useText('chat');
  if (count === 0) return null;
  return (
    <span className={classes.unread} data-unread={count}>
      <span aria-hidden="true">{count > SHOWN_MAX ? `${SHOWN_MAX}+` : count}</span>
      <VisuallyHidden>{text.unread(count)}</VisuallyHidden>
    </span>
  );
}
