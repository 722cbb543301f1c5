import { type ReactNode, useEffect, useState } from 'react';
import { useStore } from 'zustand/react';
import type { Person } from '#libs/client/index.ts';

import { useStatus } from '../../connection/connection.tsx';
import { ConversationView } from '../../conversation/conversation-view.tsx';
import { useText } from '../../i18n/language.tsx';
import { PersonName } from '../../people/person-name.tsx';
import { Sentence } from '../../people/sentence.tsx';
import { useChat } from '../chat-context.ts';
import type { Room } from '../state/room-list.ts';
import type { RoomThread } from '../state/room-thread.ts';
import { PeoplePanel } from './people-panel.tsx';
import classes from './room.module.css';
import { RoomHead } from './room-head.tsx';

interface RoomViewProps {
  readonly thread: RoomThread;
  readonly title: string;
  /** Undefined for rooms that stand in no list. */
  readonly room?: Room | undefined;
  /** Between two: who else is in it needs no list. */
  readonly direct?: boolean;
  /** The other one of two, where they are known. */
  readonly person?: Person | undefined;
  /** Below the title. */
  readonly about?: ReactNode;
  /** Below the head, above the messages. */
  readonly bar?: ReactNode;
}

/** A room: its conversation, and who is here. */
export function RoomView({ thread, title, room, direct = false, person, about, bar }: RoomViewProps) {
  const text = useText('chat');
  const { store } = useChat();
  const words = useText('conversation');
  const { status, code, room: name } = useStore(thread.view);
  const { messageChars, ended } = useStore(store.connection.view);
  const connected = useStatus().state === 'connected';
  // On a telephone the keyboard would cover the messages.
  const [focused] = useState(() => matchMedia('(pointer: fine)').matches);
  const [peopleShown, setPeopleShown] = useState(() => !direct && matchMedia('(min-width: 68em)').matches);

  useEffect(() => {
    store.look(name);
    return () => store.look(undefined);
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
          onPeople={direct ? undefined : () => setPeopleShown((shown) => !shown)}
        />
        {bar}
        <ConversationView
          thread={thread}
          me={store.me}
          label={words.messagesIn(title)}
          limit={messageChars}
          ended={ended}
          connected={connected}
          focused={focused}
          loadOlderBy="scrolling"
          invitation={
            direct ? (
              <Sentence
                template={([name = '']) => text.quietDirect(name)}
                slots={[person === undefined ? title : <PersonName key="name" person={person} />]}
              />
            ) : (
              text.quiet
            )
          }
          closed={
            status === 'over' || status === 'refused' ? (
              <p className={classes.over} role="status" data-code={code}>
                {status === 'over' ? text.roomOver : text.roomRefused}
              </p>
            ) : undefined
          }
        />
      </div>
      {peopleShown && <PeoplePanel thread={thread} room={room} onClose={() => setPeopleShown(false)} />}
    </main>
  );
}
