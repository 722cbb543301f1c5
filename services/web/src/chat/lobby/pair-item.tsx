import { useStore } from 'zustand/react';

import { useText } from '../../i18n/language.tsx';
import { PersonName } from '../../people/person-name.tsx';
import { PersonPicture } from '../../people/person-picture.tsx';
import { Icon } from '../../ui/icon.tsx';
import { useChat } from '../chat-context.ts';
import { hrefOf } from '../place.ts';
import { UnreadMark } from '../unread-mark.tsx';
import classes from './lobby.module.css';

/** The way to my pair, or to one. */
export function PairItem({ current }: { readonly current: boolean }) {
  const text = useText('chat');
  const { store } = useChat();
  const state = useStore(store.pair.view, (search) => search.state);
  const pair = state.is === 'paired' ? state.pair : undefined;
  const unread = useStore(store.rooms.view, () => (pair === undefined ? 0 : (store.rooms.get(pair.room)?.unread ?? 0)));
  const about = pair !== undefined ? text.partner : state.is === 'waiting' ? text.partnerWaiting : text.partnerAbout;

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
