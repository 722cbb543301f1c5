import { Button, Text } from '@mantine/core';
import { useStore } from 'zustand/react';

import { problemText } from '../../conversation/error-code.ts';
import { useText } from '../../i18n/language.tsx';
import { useChat } from '../chat-context.ts';
import { ConfirmButton } from '../confirm-button.tsx';
import type { Pair } from '../state/pair-finder.ts';
import classes from './pair.module.css';

/** Whether the history is kept, and the way out. */
export function PairBar({ pair: { keepsHistory } }: { readonly pair: Pair }) {
  const text = useText('chat');
  const { store } = useChat();
  const { askedByMe, askedByOther, problem } = useStore(store.pair.view);
  const problems = useText('problems');
  const kept = keepsHistory ? text.pairKept : askedByMe ? text.pairWished : askedByOther ? text.pairAsked : text.pairNotKept;
  return (
    <div className={classes.bar}>
      <Text component="p" size="sm" c="dimmed" role="status" data-kept={keepsHistory}>
        {kept}
      </Text>
      {!keepsHistory && !askedByMe && (
        <Button size="compact-sm" variant="subtle" onClick={() => void store.pair.keep()}>
          {text.keepHistory}
        </Button>
      )}
      <span className={classes.space} />
      {problem !== undefined && (
        <Text size="sm" c="var(--bad)" role="alert">
          {problemText(problems, problem)}
        </Text>
      )}
      <ConfirmButton label={text.pairEnd} sure={text.pairEndSure} about={text.pairEndAbout} onConfirm={() => store.pair.end()} />
    </div>
  );
}
