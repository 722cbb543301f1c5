import { type ReactNode, useEffect, useState } from 'react';
import type { Person } from '#libs/client/index.ts';

import { useText } from '../../i18n/language.tsx';
import { PersonName } from '../../people/person-name.tsx';
import { Sentence } from '../../people/sentence.tsx';
import { useChat } from '../chat-context.ts';
import type { Room } from '../state/room-list.ts';
import type { Talk } from '../state/talk.ts';
import { useObservable } from '../use-observable.ts';
import { Composer } from './composer.tsx';
import { MessageList } from './message-list.tsx';
import { PeoplePanel } from './people-panel.tsx';
import classes from './room.module.css';
import { RoomHead } from './room-head.tsx';
import { TypingLine } from './typing-line.tsx';

interface RoomViewProps {
  readonly talk: Talk;
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

/** A room: what was said, who is here, and where one writes. */
export function RoomView({ talk, title, room, direct = false, person, about, bar }: RoomViewProps) {
  const text = useText('chat');
  const { store } = useChat();
  const { state, code, room: name } = useObservable(talk);
  const [peopleShown, setPeopleShown] = useState(() => !direct && matchMedia('(min-width: 68em)').matches);

  useEffect(() => {
    store.look(name);
    return () => store.look(undefined);
  }, [store, name]);

  return (
    <main className={classes.room} data-room={name} data-state={state}>
      <div className={classes.talk}>
        <RoomHead
          talk={talk}
          title={title}
          person={person}
          about={about}
          peopleShown={peopleShown}
          onPeople={direct ? undefined : () => setPeopleShown((shown) => !shown)}
        />
        {bar}
        <MessageList
          talk={talk}
          label={text.messagesIn(title)}
          invitation={
            direct ? (
              <Sentence
                say={([name = '']) => text.quietDirect(name)}
                slots={[person === undefined ? title : <PersonName key="name" person={person} />]}
              />
            ) : (
              text.quiet
            )
          }
        />
        {state === 'over' || state === 'refused' ? (
          <p className={classes.over} role="status" data-code={code}>
            {state === 'over' ? text.roomOver : text.roomRefused}
          </p>
        ) : (
          <>
            <TypingLine talk={talk} />
            <Composer talk={talk} />
          </>
        )}
      </div>
      {peopleShown && <PeoplePanel talk={talk} room={room} onClose={() => setPeopleShown(false)} />}
    </main>
  );
}
