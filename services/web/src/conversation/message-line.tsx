import { memo } from 'react';

import { useLanguage, useText } from '../i18n/language.tsx';
import { timeOfDay } from '../i18n/times.ts';
import { PersonName } from '../people/person-name.tsx';
import { PersonPicture } from '../people/person-picture.tsx';
import { Icon } from '../ui/icon.tsx';
import classes from './conversation.module.css';
import { problemText } from './error-code.ts';
import { FoldedText } from './folded-text.tsx';
import type { MessageLine as Line } from './lines.ts';
import type { Thread } from './thread.ts';

interface MessageLineProps {
  readonly line: Line;
  readonly connected: boolean;
  /** Retries or discards a message that is not stored. */
  readonly thread: Pick<Thread, 'retry' | 'discard'>;
  /** The message was folded or unfolded. */
  readonly onFold: () => void;
}

/** One message. */
export const MessageLine = memo(function MessageLine({ line, connected, thread, onFold }: MessageLineProps) {
  const text = useText('conversation');
  const { from, mine, together, state } = line;
  return (
    <li
      className={classes.message}
      data-key={line.key}
      data-mine={mine || undefined}
      data-state={state}
      data-together={together || undefined}
    >
      {!mine && (together ? <span className={classes.pictureSpace} /> : <PersonPicture person={from} />)}
      <div className={classes.column}>
        {mine ? (
          <span className={classes.unseen}>{text.you}</span>
        ) : (
          <span className={together ? classes.unseen : classes.from} dir="auto">
            <PersonName person={from} />
          </span>
        )}
        <div className={classes.bubble}>
          <FoldedText text={line.text} onFold={onFold} />
          <span className={classes.stamp}>
            <Clock at={line.at} />
            {mine && <State state={state} />}
          </span>
        </div>
        {state === 'pending' && !connected && <Waiting line={line} thread={thread} />}
        {state === 'failed' && <Failure line={line} thread={thread} />}
      </div>
    </li>
  );
}, isSameLine);

function Clock({ at }: { readonly at: number }) {
  const { locale } = useLanguage();
  return <time dateTime={new Date(at).toISOString()}>{timeOfDay(at, locale)}</time>;
}

function State({ state }: Pick<Line, 'state'>) {
  const text = useText('conversation');
  const marks = { stored: ['check', text.sent], pending: ['clock', text.sending], failed: ['alert', text.notSent] } as const;
  const [icon, label] = marks[state];
  return (
    <span className={classes.state} title={label}>
      <Icon name={icon} size={13} />
      <span className={classes.unseen}>{label}</span>
    </span>
  );
}

type EntryProps = Pick<MessageLineProps, 'line' | 'thread'>;

/** Offline, a message may wait for long. It can be discarded. */
function Waiting({ line: { entry }, thread }: EntryProps) {
  const text = useText('conversation');
  if (entry === undefined) return null;
  return (
    <p className={classes.waiting}>
      {text.waits}{' '}
      <button type="button" onClick={() => thread.discard(entry.id)}>
        {text.discard}
      </button>
    </p>
  );
}

function Failure({ line: { entry }, thread }: EntryProps) {
  const text = useText('conversation');
  const problems = useText('problems');
  if (entry === undefined) return null;
  return (
    <p className={classes.failure} role="alert">
      {text.notSent} {problemText(problems, entry.code ?? 'other')}{' '}
      {entry.canRetry === true && (
        <button type="button" onClick={() => thread.retry(entry.id)}>
          {text.retry}
        </button>
      )}{' '}
      <button type="button" onClick={() => thread.discard(entry.id)}>
        {text.discard}
      </button>
    </p>
  );
}

/** Every change makes new line objects. Lines with the same content are not rendered again. */
function isSameLine({ line: one, ...rest }: MessageLineProps, { line: other, ...next }: MessageLineProps): boolean {
  return (
    rest.thread === next.thread &&
    rest.onFold === next.onFold &&
    rest.connected === next.connected &&
    one.key === other.key &&
    one.text === other.text &&
    one.at === other.at &&
    one.from.name === other.from.name &&
    one.from.kind === other.from.kind &&
    one.state === other.state &&
    one.together === other.together &&
    one.entry === other.entry
  );
}
