import { Button, Loader, VisuallyHidden } from '@mantine/core';
import { type ReactNode, useCallback, useEffect, useMemo } from 'react';

import { useText } from '../../i18n/language.tsx';
import { PersonName } from '../../people/person-name.tsx';
import { Sentence } from '../../people/sentence.tsx';
import { Icon } from '../../ui/icon.tsx';
import { useChat } from '../chat-context.ts';
import { type Line, toLines } from '../state/lines.ts';
import type { Talk } from '../state/talk.ts';
import { useObservable } from '../use-observable.ts';
import { DayLine } from './day-line.tsx';
import classes from './room.module.css';
import { Said } from './said-line.tsx';
import { useScrollPlace } from './scroll-place.ts';

/** Pixels from the top at which the next older page is asked for. */
const NEAR_TOP = 600;

interface MessageListProps {
  readonly talk: Talk;
  /** For who cannot see it. */
  readonly label: string;
  /** Where nothing was said yet. */
  readonly invitation: ReactNode;
}

/** What was said in a room. Older messages come while one scrolls up. */
export function MessageList({ talk, label, invitation }: MessageListProps) {
  const text = useText('chat');
  const { me } = useChat().store;
  const { timeline, outbox, firstNew, older, state } = useObservable(talk);
  const { items } = timeline;
  const { entries } = outbox;
  const lines = useMemo(() => toLines({ items, outbox: entries, me, firstNew }), [items, entries, me, firstNew]);
  const lastOwn = entries.at(-1)?.id;
  const place = useScrollPlace(lines);
  const { toEnd, atEnd } = place;

  const loadIfNearTop = useCallback(() => {
    if (talk.older === 'some' && (place.ref.current?.scrollTop ?? 0) < NEAR_TOP) void talk.loadOlder();
  }, [talk, place.ref]);
  // What is too short to be scrolled shows what is older at once.
  // biome-ignore lint/correctness/useExhaustiveDependencies: looked at after each change of what is shown
  useEffect(loadIfNearTop, [loadIfNearTop, lines]);
  // Whoever says something wants to see it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: with each new message of mine
  useEffect(toEnd, [lastOwn, toEnd]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: looked at after each change of what is shown
  useEffect(() => {
    if (atEnd) talk.trim();
  }, [talk, atEnd, lines]);

  const retry = useCallback((id: string) => talk.retry(id), [talk]);
  const discard = useCallback((id: string) => talk.discard(id), [talk]);
  const now = Date.now();
  return (
    <div className={classes.listFrame}>
      <section
        ref={place.ref}
        className={classes.scroller}
        aria-label={label}
        aria-busy={older === 'loading' || state === 'opening'}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
        tabIndex={0}
        onScroll={() => {
          place.onScroll();
          loadIfNearTop();
        }}
      >
        <div className={classes.top}>
          {(older === 'loading' || state === 'opening') && <Loader size="sm" aria-label={text.loading} />}
          {older === 'failed' && (
            <p role="status">
              {text.olderFailed}{' '}
              <Button size="compact-sm" variant="light" onClick={() => void talk.loadOlder()}>
                {text.retry}
              </Button>
            </p>
          )}
          {older === 'none' && state !== 'opening' && <p>{lines.length === 0 ? invitation : text.beginning}</p>}
        </div>
        <ol className={classes.lines}>{lines.map((line) => draw(line))}</ol>
      </section>
      {!atEnd && (
        <Button
          className={classes.toEnd}
          size="compact-sm"
          radius="xl"
          variant="default"
          leftSection={<Icon name="down" size={15} />}
          onClick={toEnd}
        >
          {text.toLatest}
        </Button>
      )}
      <VisuallyHidden aria-live="polite" aria-atomic role="log">
        {announcement(lines)}
      </VisuallyHidden>
    </div>
  );

  function draw(line: Line) {
    switch (line.kind) {
      case 'said':
        return <Said key={line.key} line={line} onRetry={retry} onDiscard={discard} />;
      case 'day':
        return <DayLine key={line.key} at={line.at} now={now} />;
      case 'new':
        return (
          <li key={line.key} className={classes.newLine} data-new-line>
            <span>{text.newMessages}</span>
          </li>
        );
      case 'gap':
        return (
          <li key={line.key} className={classes.gap} data-gap>
            {text.gap}
          </li>
        );
    }
  }

  /** The newest line of somebody else, for who hears the page. */
  function announcement(all: readonly Line[]): ReactNode {
    const last = all.at(-1);
    if (last?.kind !== 'said' || last.mine) return null;
    return (
      <Sentence
        say={([name = '', words = '']) => text.said(name, words)}
        slots={[<PersonName key="name" person={last.from} />, last.text]}
      />
    );
  }
}
