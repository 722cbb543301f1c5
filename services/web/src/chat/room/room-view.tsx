import { ActionIcon } from '@mantine/core';
import { type ReactNode, type RefObject, useCallback, useEffect, useRef, useState } from 'react';
import { useStore } from 'zustand/react';
import type { Person } from '#libs/client/index.ts';
import { ConversationView } from '../../conversation/conversation-view.tsx';
import { useText } from '../../i18n/language.tsx';
import { KindTag, PersonName, Sentence } from '../../people/person-name.tsx';
import { Icon } from '../../ui/icon.tsx';
import { useLostFocus } from '../../ui/lost-focus.ts';
import { BackLink } from '../back-link.tsx';
import { useChat } from '../chat-context.ts';
import type { Room } from '../state/room-list.ts';
import type { RoomThread } from '../state/room-thread.ts';
import { PeoplePanel } from './people-panel.tsx';
import classes from './room.module.css';

interface RoomViewProps {
  readonly thread: RoomThread;
  readonly title: string;
  /** Undefined if the list does not have the room. */
  readonly room?: Room | undefined;
  /** A room for two. It needs no list of people. */
  readonly direct?: boolean;
  /** Its messages stay readable after its end. */
  readonly kept?: boolean;
  /** The other person in a room for two, if known. */
  readonly person?: Person | undefined;
  /** Shown below the title. */
  readonly about?: ReactNode;
  /** Shown between the header and the messages. */
  readonly bar?: ReactNode;
}

/** A room: its messages and its people. */
export function RoomView({ thread, title, room, direct = false, kept = room?.closedAt !== undefined, person, about, bar }: RoomViewProps) {
  const text = useText('chat');
  const { store } = useChat();
  const words = useText('conversation');
  const { status, code, room: name } = useStore(thread.view);
  const limit = useStore(store.view, ({ messageChars }) => messageChars);
  const ended = useStore(store.view, (state) => state.ended);
  const connected = useStore(store.view, (state) => state.connected);
  // On a phone, the keyboard would cover the messages.
  const [focused] = useState(() => matchMedia('(pointer: fine)').matches);
  const [peopleShown, setPeopleShown] = useState(() => !direct && matchMedia('(min-width: 68em)').matches);

  // The composer goes.
  useLostFocus(status === 'over' || status === 'refused');
  const peopleButton = useRef<HTMLButtonElement>(null);
  const closePeople = useCallback(() => setPeopleShown(false), []);

  useEffect(() => {
    store.setRoomInView(name);
    return () => store.setRoomInView(undefined);
  }, [store, name]);

  return (
    <main className={classes.room} data-room={name} data-state={status}>
      <div className={classes.talk}>
        <RoomHead
          thread={thread}
          title={title}
          person={person}
          about={about}
          peopleShown={peopleShown}
          peopleButton={peopleButton}
          onPeople={direct ? undefined : () => setPeopleShown((shown) => !shown)}
        />
        {bar}
        <ConversationView
          thread={thread}
          me={store.me}
          label={words.messagesIn(title)}
          limit={limit}
          ended={ended}
          connected={connected}
          focused={focused}
          loadOlderBy="scrolling"
          invitation={
            status !== 'open' ? undefined : !direct ? (
              text.quiet
            ) : person === undefined ? (
              text.quietUnknown
            ) : (
              <Sentence template={([name = '']) => text.quietDirect(name)} slots={[<PersonName key="name" person={person} />]} />
            )
          }
          closed={
            status === 'over' || status === 'refused' ? (
              <p className={classes.over} role="status" data-code={code}>
                {kept ? text.pairReadable : status === 'over' ? text.roomOver : text.roomRefused}
              </p>
            ) : undefined
          }
        />
      </div>
      {peopleShown && <PeoplePanel thread={thread} room={room} button={peopleButton} onClose={closePeople} />}
    </main>
  );
}

interface RoomHeadProps {
  readonly thread: RoomThread;
  readonly title: string;
  /** The other person in a room for two: their name is the title. */
  readonly person: Person | undefined;
  readonly about: ReactNode;
  readonly peopleShown: boolean;
  readonly peopleButton: RefObject<HTMLButtonElement | null>;
  /** Undefined if there is no list of people. */
  readonly onPeople: (() => void) | undefined;
}

/** The header of a room: title, number of people, and on small screens a way back. */
function RoomHead({ thread, title, person, about, peopleShown, peopleButton, onPeople }: RoomHeadProps) {
  const text = useText('chat');
  const count = useStore(thread.audience.view, (state) => state.count);
  return (
    <header className={classes.head}>
      <BackLink className={classes.back} />
      <div className={classes.titles}>
        <div className={classes.headline}>
          <h1 dir="auto">{title}</h1>
          <KindTag kind={person?.kind} />
        </div>
        {about !== undefined && <p>{about}</p>}
      </div>
      {onPeople !== undefined && (
        <ActionIcon
          ref={peopleButton}
          className={classes.peopleButton}
          variant="subtle"
          color="gray"
          size="lg"
          aria-label={count === undefined ? text.showPeople : `${text.showPeople}: ${text.here(count)}`}
          title={text.showPeople}
          aria-expanded={peopleShown}
          onClick={onPeople}
        >
          <Icon name="people" />
          <span className={classes.hereCount} data-here={count} aria-hidden="true">
            {count}
          </span>
        </ActionIcon>
      )}
    </header>
  );
}
