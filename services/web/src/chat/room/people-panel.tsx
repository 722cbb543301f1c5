import { ActionIcon, CloseButton } from '@mantine/core';
import { useStore } from 'zustand/react';

import { useText } from '../../i18n/language.tsx';
import { PersonName } from '../../people/person-name.tsx';
import { PersonPicture } from '../../people/person-picture.tsx';
import { Icon } from '../../ui/icon.tsx';
import { useChat } from '../chat-context.ts';
import { goTo } from '../place.ts';
import type { Room } from '../state/room-list.ts';
import type { RoomThread } from '../state/room-thread.ts';
import { GroupMembers } from './group-members.tsx';
import classes from './room.module.css';

interface PeoplePanelProps {
  readonly thread: RoomThread;
  /** Undefined for rooms that stand in no list. */
  readonly room: Room | undefined;
  readonly onClose: () => void;
}

/** Who is in a room now; of a group, who belongs to it. */
export function PeoplePanel({ thread, room, onClose }: PeoplePanelProps) {
  const text = useText('chat');
  return (
    <aside className={classes.people} aria-label={text.people} onKeyDown={(event) => event.key === 'Escape' && onClose()}>
      <header>
        <h2>{text.people}</h2>
        <CloseButton aria-label={text.close} onClick={onClose} />
      </header>
      {room?.kind === 'group' ? <GroupMembers key={room.room} thread={thread} room={room} /> : <PresentPeople thread={thread} />}
    </aside>
  );
}

function PresentPeople({ thread }: { readonly thread: RoomThread }) {
  const text = useText('chat');
  const { store } = useChat();
  const { people, count } = useStore(thread.audience.view);
  const mine = people.filter(({ id }) => id === store.me.id);
  const others = people.filter(({ id }) => id !== store.me.id);
  const rest = (count ?? 0) - people.length;
  return (
    <>
      <ul className={classes.peopleList}>
        {[...mine, ...others].map((person) => (
          <li key={person.id} data-person={person.name}>
            <PersonPicture person={person} small />
            <span className={classes.personName} dir="auto">
              <PersonName person={person} />
            </span>
            {person.id === store.me.id ? (
              <span className={classes.badge}>{text.you}</span>
            ) : (
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={text.writeTo(person.name)}
                title={text.writeTo(person.name)}
                onClick={() => goTo({ is: 'direct', user: person.id })}
              >
                <Icon name="message" size={16} />
              </ActionIcon>
            )}
          </li>
        ))}
      </ul>
      {rest > 0 && <p className={classes.more}>{text.andMore(rest)}</p>}
    </>
  );
}
