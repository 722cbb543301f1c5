import { ActionIcon, Button, Checkbox, Loader, Text } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useStore } from 'zustand/react';

import { problemText } from '../../conversation/error-code.ts';
import { useText } from '../../i18n/language.tsx';
import { Icon } from '../../ui/icon.tsx';
import { useChat } from '../chat-context.ts';
import { hrefOf } from '../place.ts';
import classes from './pair.module.css';

/** Asks for a partner, and waits for one. */
export function PairSearch() {
  const text = useText('chat');
  const { store } = useChat();
  const { state, problem } = useStore(store.pair.view);
  const problems = useText('problems');
  const [keepHistory, setKeepHistory] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void store.pair.ask(keepHistory);
  };
  return (
    <main className={classes.search} data-pair-state={state.is}>
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
      <span className={classes.sign}>
        <Icon name="pair" size={40} />
      </span>
      <h1>{text.partner}</h1>
      {state.is === 'waiting' ? (
        <div role="status">
          <p className={classes.waiting}>
            <Loader size="sm" /> {text.pairWaiting}
          </p>
          <p>{text.pairWaitingAbout}</p>
          <Button className={classes.stop} variant="default" onClick={() => void store.pair.stop()}>
            {text.pairStop}
          </Button>
          {problem !== undefined && (
            <Text size="sm" c="var(--bad)" role="alert">
              {problemText(problems, problem)}
            </Text>
          )}
        </div>
      ) : (
        <form onSubmit={submit}>
          <p>{text.pairLead}</p>
          <Checkbox
            label={text.keepHistory}
            description={text.pairWished}
            checked={keepHistory}
            onChange={(event) => setKeepHistory(event.currentTarget.checked)}
          />
          <Button type="submit" size="md" loading={state.is === 'asking'}>
            {text.pairFind}
          </Button>
          {problem !== undefined && (
            <Text size="sm" c="var(--bad)" role="alert">
              {problemText(problems, problem)}
            </Text>
          )}
        </form>
      )}
    </main>
  );
}
