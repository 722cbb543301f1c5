import { Button, Text } from '@mantine/core';

import { useText } from '../../i18n/language.tsx';
import { useChat } from '../chat-context.ts';
import { ConfirmButton } from '../confirm-button.tsx';
import { problemText } from '../problem-text.ts';
import type { Pair } from '../state/pair-finder.ts';
import { useObservable } from '../use-observable.ts';
import classes from './pair.module.css';

/** Whether the history is kept, and the way out. */
export function PairBar({ pair: { keepsHistory } }: { readonly pair: Pair }) {
  const text = useText('chat');
  const { store } = useChat();
  const { wished, asked, problem } = useObservable(store.pair);
  const kept = keepsHistory ? text.pairKept : wished ? text.pairWished : asked ? text.pairAsked : text.pairNotKept;
  return (
    <div className={classes.bar}>
      <Text component="p" size="sm" c="dimmed" role="status" data-kept={keepsHistory}>
        {kept}
      </Text>
      {!keepsHistory && !wished && (
        <Button size="compact-sm" variant="subtle" onClick={() => void store.pair.keep()}>
          {text.keepHistory}
        </Button>
      )}
      <span className={classes.space} />
      {problem !== undefined && (
        <Text size="sm" c="var(--bad)" role="alert">
          {problemText(text, problem)}
        </Text>
      )}
      <ConfirmButton label={text.pairEnd} sure={text.pairEndSure} about={text.pairEndAbout} onConfirm={() => store.pair.end()} />
    </div>
  );
}
