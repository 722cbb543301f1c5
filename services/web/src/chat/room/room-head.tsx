import { ActionIcon } from '@mantine/core';
import type { ReactNode } from 'react';
import { useStore } from 'zustand/react';
import type { Person } from '#libs/client/index.ts';

import { useText } from '../../i18n/language.tsx';
import { KindTag } from '../../people/person-name.tsx';
import { Icon } from '../../ui/icon.tsx';
import { hrefOf } from '../place.ts';
import type { RoomThread } from '../state/room-thread.ts';
import classes from './room.module.css';

interface RoomHeadProps {
  readonly thread: RoomThread;
  readonly title: string;
  /** The other one, in a room between two: their name is the title. */
  readonly person: Person | undefined;
  readonly about: ReactNode;
  readonly peopleShown: boolean;
  /** Undefined if there is no list of people. */
  readonly onPeople: (() => void) | undefined;
}

/** What the room is called, how many are here, and the way back to the list on small screens. */
export function RoomHead({ thread, title, person, about, peopleShown, onPeople }: RoomHeadProps) {
  const text = useText('chat');
  const count = useStore(thread.audience.view, (state) => state.count);
  return (
    <header className={classes.head}>
      <ActionIcon
        component="a"
        href={hrefOf({ is: 'lobby' })}
        className={classes.back}
        variant="subtle"
        color="gray"
        size="lg"
        aria-label={text.back}
      >
        <Icon name="back" />
      </ActionIcon>
      <div className={classes.titles}>
        <div className={classes.headline}>
          <h1 dir="auto">{title}</h1>
          <KindTag kind={person?.kind} />
        </div>
        {about !== undefined && <p>{about}</p>}
      </div>
      {onPeople !== undefined && (
        <ActionIcon
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
