import { Fragment, useLayoutEffect, useRef } from 'react';

import type { Person } from '#libs/client/index.ts';
import type { Text } from '../i18n/languages.ts';
import { PersonName } from '../people/person-name.tsx';
import { Sentence } from '../people/sentence.tsx';
import styles from './conversation.module.css';
import { LinkedText } from './linked-text.tsx';
import type { Line } from './timeline.ts';

export interface LinesProps {
  readonly lines: readonly Line[];
  /** My user id. */
  readonly me: string;
  readonly language: string;
  readonly words: Text<'conversation'>;
  /** Who types. */
  readonly typing: Person | undefined;
  /** Something before these lines could not be recovered. */
  readonly gap: boolean;
  /** What the conversation's state is, below its last line. */
  readonly note?: string | undefined;
  /** Loads older messages; undefined where there are none. */
  readonly onEarlier: (() => void) | undefined;
  readonly onRetry: (key: string) => void;
}

/** Pixels from the end within which one is reading the end. */
const AT_END = 60;

/** The messages of a conversation. It stays at its end while one reads there, and at its place when older ones come above. */
export function Lines({ lines, me, language, words, typing, gap, note, onEarlier, onRetry }: LinesProps) {
  const scroller = useRef<HTMLElement>(null);
  const seen = useRef({ first: '', atEnd: true, fromEnd: 0 });
  const first = lines[0]?.key ?? '';
  const last = lines.at(-1);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the place is mended after each change of what is shown
  useLayoutEffect(() => {
    const box = scroller.current;
    if (box === null) return;
    if (seen.current.atEnd || last?.state === 'pending') box.scrollTop = box.scrollHeight;
    else if (seen.current.first !== first) box.scrollTop = box.scrollHeight - seen.current.fromEnd;
    remember();
  }, [lines, typing, note]);

  const remember = () => {
    const box = scroller.current;
    if (box === null) return;
    const fromEnd = box.scrollHeight - box.scrollTop;
    seen.current = { first, fromEnd, atEnd: fromEnd - box.clientHeight < AT_END };
  };

  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
    <section className={styles.scroller} ref={scroller} onScroll={remember} role="log" aria-label={words.messages} tabIndex={0}>
      {onEarlier && (
        <button type="button" className={styles.earlier} onClick={onEarlier}>
          {words.earlier}
        </button>
      )}
      {gap && <p className={styles.note}>{words.gap}</p>}
      <ol className={styles.lines}>
        {lines.map((line, index) => (
          <Fragment key={line.key}>
            {isNewDay(lines[index - 1], line) && <li className={styles.day}>{dayName(line.at, language, words)}</li>}
            <OneLine line={line} mine={line.from.id === me} language={language} words={words} onRetry={onRetry} />
          </Fragment>
        ))}
      </ol>
      {note !== undefined && <p className={styles.note}>{note}</p>}
      <p className={styles.typing} aria-live="off">
        {typing !== undefined && <Sentence say={([name = '']) => words.typing(name)} slots={[<PersonName key="name" person={typing} />]} />}
      </p>
    </section>
  );
}

interface OneLineProps extends Pick<LinesProps, 'language' | 'words' | 'onRetry'> {
  readonly line: Line;
  readonly mine: boolean;
}

function OneLine({ line, mine, language, words, onRetry }: OneLineProps) {
  const time = new Date(line.at).toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit' });
  return (
    <li className={styles.line} data-mine={mine || undefined} data-state={line.state}>
      <p className={styles.head}>
        <span className={styles.name}>{mine ? words.you : <PersonName person={line.from} />}</span>
        <time dateTime={new Date(line.at).toISOString()}>{time}</time>
        {line.state === 'pending' && <span>{words.pending}</span>}
      </p>
      <p className={styles.text} dir="auto">
        <LinkedText text={line.text} />
      </p>
      {line.state === 'failed' && (
        <p className={styles.failed} role="alert">
          {line.error === 'MESSAGE_TOO_LONG' ? words.tooLong : words.failed}{' '}
          <button type="button" onClick={() => onRetry(line.key)}>
            {words.retry}
          </button>
        </p>
      )}
    </li>
  );
}

const dayOf = (at: number) => new Date(at).toDateString();

function isNewDay(before: Line | undefined, line: Line): boolean {
  return before === undefined || dayOf(before.at) !== dayOf(line.at);
}

const DAY_MS = 86_400_000;

function dayName(at: number, language: string, words: Text<'conversation'>): string {
  const now = Date.now();
  if (dayOf(at) === dayOf(now)) return words.today;
  if (dayOf(at) === dayOf(now - DAY_MS)) return words.yesterday;
  return new Date(at).toLocaleDateString(language, { dateStyle: 'long' });
}
