import { Button, Checkbox, Loader, Switch, Text } from '@mantine/core';
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import { useStore } from 'zustand/react';
import { problemText } from '../../conversation/error-code.ts';
import { useText } from '../../i18n/language.tsx';
import { Icon } from '../../ui/icon.tsx';
import { useLostFocus } from '../../ui/lost-focus.ts';
import { BackLink } from '../back-link.tsx';
import { useChat } from '../chat-context.ts';
import { ConfirmButton } from '../confirm-button.tsx';
import { usePresenceOf } from '../presence-text.ts';
import { RoomView } from '../room/room-view.tsx';
import type { Pair } from '../state/pair-finder.ts';
import classes from './pair.module.css';

/** My pair, or the search for one. */
export function PairView() {
  const { store } = useChat();
  const state = useStore(store.pair.view, (search) => search.state);
  const room = useStore(store.rooms.view, () => ('pair' in state ? store.rooms.get(state.pair.room) : undefined));
  const found = state.is === 'paired';
  const presence = usePresenceOf(room)?.words;
  useEffect(() => {
    store.setPairInView(true);
    return () => store.setPairInView(false);
  }, [store]);

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
      kept={pair.keepsHistory}
      about={
        found ? (
          <>
            {presence !== undefined && <span data-partner-presence>{presence}</span>}
            {presence !== undefined && pair.expiresAt !== undefined && ' · '}
            {pair.expiresAt !== undefined && <TimeLeft until={pair.expiresAt} />}
          </>
        ) : undefined
      }
      bar={<Bar>{state.is === 'paired' ? <PairState pair={pair} /> : <PairOver reason={state.reason} />}</Bar>}
    />
  );
}

/** Asks for a partner and waits for one. */
function PairSearch() {
  const text = useText('chat');
  const { store } = useChat();
  const { state, problem } = useStore(store.pair.view);
  const problems = useText('problems');
  const [keepHistory, setKeepHistory] = useState(false);
  const page = useRef<HTMLElement>(null);
  useLostFocus(state.is, () => page.current?.querySelector('button'));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void store.pair.ask(keepHistory);
  };
  return (
    <main ref={page} className={classes.search} data-pair-state={state.is}>
      <BackLink className={classes.back} />
      <span className={classes.sign}>
        <Icon name="pair" size={40} />
      </span>
      <h1>{text.partner}</h1>
      {state.is === 'waiting' ? (
        <div role="status">
          <p className={classes.waiting}>
            <Loader size="sm" /> {state.unreached ? text.pairUnreached : text.pairWaiting}
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
      <FindableSwitch />
    </main>
  );
}

/** Whether others may find me though I do not look for a partner. Renders nothing until the hub tells. */
function FindableSwitch() {
  const text = useText('chat');
  const { store } = useChat();
  const findability = useStore(store.pair.view, (search) => search.findability);
  const connected = useStore(store.view, (state) => state.connected);
  useEffect(() => {
    if (connected) void store.pair.readFindability();
  }, [store, connected]);
  if (findability === undefined) return null;
  if (findability.pairing === 'anyone') return <p className={classes.findable}>{text.pairAnyone}</p>;
  return (
    <Switch
      className={classes.findable}
      label={text.pairFindable}
      description={text.pairFindableAbout}
      checked={findability.findable}
      onChange={(event) => void store.pair.setFindable(event.currentTarget.checked)}
    />
  );
}

/** The bar below the header of the room. Notices lie below it, however high it is. */
function Bar({ children }: { readonly children: ReactNode }) {
  const bar = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const { current } = bar;
    const chat = current?.closest<HTMLElement>('[data-chat]');
    if (current === null || chat === null || chat === undefined) return;
    const measuring = new ResizeObserver(() => chat.style.setProperty('--bar', `${current.offsetHeight}px`));
    measuring.observe(current);
    return () => {
      measuring.disconnect();
      chat.style.removeProperty('--bar');
    };
  }, []);
  return (
    <div ref={bar} className={classes.bar}>
      {children}
    </div>
  );
}

/** Shows whether the history is kept, and ends the pair. */
function PairState({ pair: { keepsHistory } }: { readonly pair: Pair }) {
  const text = useText('chat');
  const { store } = useChat();
  const { askedByMe, askedByOther, problem } = useStore(store.pair.view);
  const problems = useText('problems');
  useLostFocus(`${keepsHistory} ${askedByMe}`);
  const kept = keepsHistory ? text.pairKept : askedByMe ? text.pairWished : askedByOther ? text.pairAsked : text.pairNotKept;
  return (
    <>
      <Text component="p" size="sm" c="dimmed" role="status" data-kept={keepsHistory}>
        {kept}
      </Text>
      {problem !== undefined && (
        <Text size="sm" c="var(--bad)" role="alert">
          {problemText(problems, problem)}
        </Text>
      )}
      <div className={classes.actions}>
        {!keepsHistory && !askedByMe && (
          <Button size="compact-sm" variant="subtle" onClick={() => void store.pair.askForHistory()}>
            {text.keepHistory}
          </Button>
        )}
        <ConfirmButton label={text.pairEnd} sure={text.pairEndSure} about={text.pairEndAbout} onConfirm={() => store.pair.end()} />
      </div>
    </>
  );
}

/** Why the pair ended, and a button for the next one. The messages stay readable. */
function PairOver({ reason }: { readonly reason: 'mine' | 'closed' | 'expired' }) {
  const text = useText('chat');
  const { store } = useChat();
  return (
    <>
      <p role="status" data-pair-over={reason}>
        {text.pairEnded[reason]}
      </p>
      <div className={classes.actions}>
        <Button size="compact-md" onClick={() => void store.pair.ask(false)}>
          {text.pairFindAgain}
        </Button>
      </div>
    </>
  );
}

const MINUTE_MS = 60_000;

/** The time left, in hours and minutes. `until`: Unix milliseconds. */
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
