import { useText } from '../../i18n/language.tsx';
import { PersonName } from '../../people/person-name.tsx';
import { Icon } from '../../ui/icon.tsx';
import { useChat } from '../chat-context.ts';
import { PersonPicture } from '../person-picture.tsx';
import { hrefOf } from '../place.ts';
import { UnreadMark } from '../unread-mark.tsx';
import { useObservable } from '../use-observable.ts';
import classes from './lobby.module.css';

/** The way to my pair, or to one. */
export function PairItem({ current }: { readonly current: boolean }) {
  const text = useText('chat');
  const { store } = useChat();
  const { state } = useObservable(store.pair);
  const rooms = useObservable(store.rooms);
  const pair = state.is === 'paired' ? state.pair : undefined;
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
          <UnreadMark count={pair === undefined ? 0 : (rooms.get(pair.room)?.unread ?? 0)} />
        </span>
      </a>
    </li>
  );
}
