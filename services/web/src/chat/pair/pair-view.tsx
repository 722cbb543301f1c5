import { Button } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useStore } from 'zustand/react';
import { useText } from '../../i18n/language.tsx';
import { useChat } from '../chat-context.ts';
import { RoomView } from '../room/room-view.tsx';
import classes from './pair.module.css';
import { PairBar } from './pair-bar.tsx';
import { PairSearch } from './pair-search.tsx';

const MINUTE_MS = 60_000;

/** What is left until a time, in hours and minutes. `until`: Unix milliseconds. */
function TimeLeft({ until }: { readonly until: number }) {
  const text = useText('chat');
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), MINUTE_MS / 4);
    return () => clearInterval(timer);
  }, []);
  const minutes = Math.max(0, Math.ceil((until - now) / MINUTE_MS));
  return (
    <time dateTime={new Date(until).toISOString()} data-left={minutes}>
      {text.timeLeft(Math.floor(minutes / 60), minutes % 60)}
    </time>
  );
}

/** It is over: why, and the way to another one. What was said stays to be read. */
function PairOver({ reason }: { readonly reason: 'mine' | 'closed' | 'expired' }) {
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

/** My pair, or the way to one. */
export function PairView() {
  const { store } = useChat();
  const state = useStore(store.pair.view, (search) => search.state);
  const room = useStore(store.rooms.view, () => ('pair' in state ? store.rooms.get(state.pair.room) : undefined));
  const found = state.is === 'paired';

  if (state.is !== 'paired' && state.is !== 'over') return <PairSearch />;
  const { pair } = state;
  return (
    <RoomView
      key={pair.room}
      thread={store.thread(pair.room)}
      title={pair.with.name}
      person={pair.with}
      room={room}
      direct
      about={found && pair.expiresAt !== undefined ? <TimeLeft until={pair.expiresAt} /> : undefined}
      bar={state.is === 'paired' ? <PairBar pair={pair} /> : <PairOver reason={state.reason} />}
    />
  );
}
