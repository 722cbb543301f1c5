import { type ReactNode, useCallback, useEffect, useMemo, useReducer, useState } from 'react';
import { useStore } from 'zustand/react';
import type { Person } from '#libs/client/index.ts';
import { useLanguage, useText } from '../i18n/language.tsx';
import { dateAndTime } from '../i18n/times.ts';
import { PersonName, Sentence } from '../people/person-name.tsx';
import { Icon } from '../ui/icon.tsx';
import { dayFrom, untilNextDay } from './calendar.ts';
import classes from './conversation.module.css';
import { type Line, toLines } from './lines.ts';
import { MessageLine } from './message-line.tsx';
import { useScrollPlace } from './scroll-place.ts';
import type { Thread } from './thread.ts';

/** Pixels from the top or the end. Closer than this, the next page is loaded. */
const NEAR = 600;
/** Most new messages that are counted. The hub counts as many for a list of rooms. */
const COUNTED_MAX = 999;

/** What a list of messages needs. */
export interface MessageListProps {
  readonly thread: Thread;
  readonly me: Person;
  /** Label for screen readers. */
  readonly label: string;
  /** If false, own messages that are not stored say that they wait. */
  readonly connected: boolean;
  /** How older messages are loaded. */
  readonly loadOlderBy: 'scrolling' | 'button';
  /**
   * Shown while there are no messages. Only with it does the first message get the line `beginning`
   * above it.
   */
  readonly invitation?: ReactNode;
  /** Shown below the last message. */
  readonly note?: string | undefined;
}

/**
 * The messages of a thread. At its end, the list follows new messages. Elsewhere, the message in
 * view stays in place.
 */
export function MessageList({ thread, me, label, connected, loadOlderBy, invitation, note }: MessageListProps) {
  const text = useText('conversation');
  const { items, outbox, firstNew, older, newer, newAbove, newBelow, aim, status } = useStore(thread.view);
  const attached = newer === 'none';
  // Own messages on their way come after the newest one.
  const lines = useMemo(() => toLines({ items, outbox: attached ? outbox : [], me, firstNew }), [items, outbox, attached, me, firstNew]);
  const lastOwn = outbox.at(-1)?.id;
  const content = useMemo(() => ({ lines, note }), [lines, note]);
  const onPlace = useCallback((atEnd: boolean, seen: string | undefined) => thread.moveTo(atEnd ? 'end' : 'above', seen), [thread]);
  const place = useScrollPlace(content, { aim, attached, onPlace });
  const { ref, toEnd, atEnd } = place;
  const byScrolling = loadOlderBy === 'scrolling';
  useEffect(() => () => thread.moveTo('away'), [thread]);

  const loadIfNear = useCallback(() => {
    const { older: above, newer: below } = thread.view.getState();
    const { scrollTop = 0, scrollHeight = 0, clientHeight = 0 } = ref.current ?? {};
    if (below === 'some' && scrollHeight - scrollTop - clientHeight < NEAR) void thread.loadNewer();
    else if (byScrolling && above === 'some' && scrollTop < NEAR) void thread.loadOlder();
  }, [thread, ref, byScrolling]);
  // A list that is too short to scroll loads older messages at once.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs after each change of the lines
  useEffect(loadIfNear, [loadIfNear, lines]);
  // Shows the person their own new message.
  useEffect(() => {
    if (lastOwn !== undefined) toEnd();
  }, [lastOwn, toEnd]);

  // Its button is gone then, so the messages take the focus.
  const lead = (task: () => Promise<void> | void) => {
    ref.current?.focus();
    void task();
  };

  const loading = older === 'loading' || status === 'opening';
  // What may be above keeps its place. A loader that was not asked for takes none.
  const [asked, setAsked] = useState(false);
  const reserved = byScrolling ? older !== 'none' : older !== 'none' && (older !== 'loading' || asked);
  const now = useToday();
  return (
    <div className={classes.frame}>
      {newAbove > 0 && (
        <button type="button" className={classes.toFirstNew} data-new-above={newAbove} onClick={() => lead(() => thread.toFirstNew())}>
          <Icon name="up" size={15} />
          {text.toFirstNew(counted(newAbove))}
        </button>
      )}
      <section
        ref={ref}
        className={classes.scroller}
        aria-label={label}
        aria-busy={loading}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scroller must be reachable by keyboard
        tabIndex={0}
        data-messages
        onScroll={() => {
          place.onScroll();
          loadIfNear();
        }}
      >
        <div className={classes.top} data-reserved={reserved || undefined}>
          {loading && <span className={classes.loader} role="status" aria-label={text.loading} />}
          {older === 'some' && !byScrolling && (
            <button
              type="button"
              onClick={() => {
                setAsked(true);
                void thread.loadOlder();
              }}
            >
              {text.earlier}
            </button>
          )}
          {older === 'failed' && (
            <p role="status">
              {text.olderFailed}{' '}
              <button type="button" onClick={() => void thread.loadOlder()}>
                {text.retry}
              </button>
            </p>
          )}
          {invitation !== undefined && older === 'none' && status !== 'opening' && (
            <p>{lines.length === 0 ? invitation : text.beginning}</p>
          )}
        </div>
        <ol className={classes.lines}>{lines.map((line) => draw(line))}</ol>
        {newer === 'loading' && <span className={classes.loader} role="status" aria-label={text.loading} />}
        {newer === 'failed' && (
          <p className={classes.note} role="status">
            {text.newerFailed}{' '}
            <button type="button" onClick={() => void thread.loadNewer()}>
              {text.retry}
            </button>
          </p>
        )}
        {note !== undefined && attached && <p className={classes.note}>{note}</p>}
      </section>
      {!atEnd && (
        <button
          type="button"
          className={classes.toEnd}
          data-new-below={newBelow}
          onClick={() => lead(() => (attached ? toEnd() : thread.toLatest()))}
        >
          <Icon name="down" size={15} />
          {newBelow > 0 ? text.toLatestNew(counted(newBelow)) : text.toLatest}
        </button>
      )}
      <div className={classes.unseen} aria-live="polite" aria-atomic role="log">
        {announcement(lines)}
      </div>
    </div>
  );

  function draw(line: Line) {
    switch (line.kind) {
      case 'message':
        return <MessageLine key={line.key} line={line} connected={connected} thread={thread} onFold={place.onScroll} />;
      case 'day':
        return <DayLine key={line.key} at={line.at} now={now} />;
      case 'new':
        return (
          <li key={line.key} className={classes.newLine} data-new-line>
            <span>{text.newMessages}</span>
          </li>
        );
      case 'ended':
        return <EndedLine key={line.key} at={line.at} />;
      case 'gap':
        return (
          <li key={line.key} className={classes.gap} data-gap>
            {text.gap}
          </li>
        );
    }
  }

  /**
   * The newest message of another person, for screen readers. Each has an element of its own: they
   * do not read an element again whose text stays the same.
   */
  function announcement(all: readonly Line[]): ReactNode {
    const last = all.at(-1);
    if (last?.kind !== 'message' || last.mine) return null;
    return (
      <p key={last.key}>
        <Sentence
          template={([name = '', words = '']) => text.announced(name, words)}
          slots={[<PersonName key="name" person={last.from} />, last.text]}
        />
      </p>
    );
  }
}

/** A number of messages, with a plus if there may be more. */
function counted(count: number): string {
  return count > COUNTED_MAX ? `${COUNTED_MAX}+` : String(count);
}

/** The present time, Unix milliseconds. Renders again when a day begins. */
function useToday(): number {
  const [, render] = useReducer((days: number) => days + 1, 0);
  const now = Date.now();
  const left = untilNextDay(now);
  useEffect(() => {
    const timer = setTimeout(render, left);
    return () => clearTimeout(timer);
  }, [left]);
  return now;
}

/** The line between an earlier conversation of the customer and the next one. */
function EndedLine({ at }: { readonly at: number }) {
  const text = useText('conversation');
  const { locale } = useLanguage();
  return (
    <li className={classes.day} data-ended>
      <span>{text.earlierEnded(dateAndTime(at, locale))}</span>
    </li>
  );
}

/** The day above its first message. `now`: Unix milliseconds. */
function DayLine({ at, now }: { readonly at: number; readonly now: number }) {
  const text = useText('conversation');
  const { locale } = useLanguage();
  return (
    <li className={classes.day} data-day>
      <span>{dayName(at, now)}</span>
    </li>
  );

  function dayName(time: number, today: number): string {
    const day = dayFrom(time, today);
    if (day !== 'other') return text[day];
    const year = new Date(time).getFullYear() === new Date(today).getFullYear() ? {} : ({ year: 'numeric' } as const);
    return new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long', ...year }).format(time);
  }
}
