import { Button } from '@mantine/core';

import { useText } from '../../i18n/language.tsx';
import { useChat } from '../chat-context.ts';
import classes from './pair.module.css';

/** It is over: why, and the way to another one. What was said stays to be read. */
export function PairOver({ reason }: { readonly reason: 'mine' | 'closed' | 'expired' }) {
  const text = useText('chat');
  const { store } = useChat();
  return (
    <div className={classes.bar}>
      <p role="status" data-pair-over={reason}>
        {text.pairEnded[reason]}
      </p>
      <span className={classes.space} />
      <Button size="compact-md" onClick={() => void store.pair.ask(false)}>
        {text.pairFindAgain}
      </Button>
    </div>
  );
}
