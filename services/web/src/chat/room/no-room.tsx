import { Button } from '@mantine/core';
import { useText } from '../../i18n/language.tsx';
import { Icon } from '../../ui/icon.tsx';
import { hrefOf } from '../place.ts';
import classes from './room.module.css';

/** The place of a room that does not exist, or that is not open to this person, with a way home. */
export function NoRoom() {
  const text = useText('chat');
  return (
    <main className={classes.none} data-no-room>
      <Icon name="people" size={40} />
      <h1>{text.noRoom}</h1>
      <p>{text.noRoomAbout}</p>
      <Button component="a" href={hrefOf({ is: 'lobby' })}>
        {text.back}
      </Button>
    </main>
  );
}
