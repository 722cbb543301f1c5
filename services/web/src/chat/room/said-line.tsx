import { VisuallyHidden } from '@mantine/core';
import { memo } from 'react';

import { useStatus } from '../../connection/connection.tsx';
import { useLanguage, useText } from '../../i18n/language.tsx';
import { PersonName } from '../../people/person-name.tsx';
import { Icon } from '../../ui/icon.tsx';
import { PersonPicture } from '../person-picture.tsx';
import { problemText } from '../problem-text.ts';
import type { SaidLine } from '../state/lines.ts';
import { MessageText } from './message-text.tsx';
import classes from './room.module.css';

interface SaidLineProps {
  readonly line: SaidLine;
  readonly onRetry: (id: string) => void;
  readonly onDiscard: (id: string) => void;
}

/** One thing somebody said. */
export const Said = memo(function Said({ line, onRetry, onDiscard }: SaidLineProps) {
  const text = useText('chat');
  const { from, mine, together, state } = line;
  return (
    <li className={classes.said} data-key={line.key} data-mine={mine || undefined} data-state={state} data-together={together || undefined}>
      {!mine && (together ? <span className={classes.pictureSpace} /> : <PersonPicture person={from} />)}
      <div className={classes.column}>
        {mine ? (
          <VisuallyHidden>{text.you}</VisuallyHidden>
        ) : (
          <span className={together ? classes.nameHidden : classes.from} dir="auto">
            <PersonName person={from} />
          </span>
        )}
        <div className={classes.bubble}>
          <MessageText text={line.text} />
          <span className={classes.stamp}>
            <Clock at={line.at} />
            {mine && <State line={line} />}
          </span>
        </div>
        {state === 'pending' && <Waiting line={line} onDiscard={onDiscard} />}
        {state === 'failed' && <Failure line={line} onRetry={onRetry} onDiscard={onDiscard} />}
      </div>
    </li>
  );
}, sameLine);

function Clock({ at }: { readonly at: number }) {
  const { language } = useLanguage();
  const date = new Date(at);
  return (
    <time dateTime={date.toISOString()}>{new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit' }).format(date)}</time>
  );
}

function State({ line: { state } }: { readonly line: SaidLine }) {
  const text = useText('chat');
  const [icon, label] = ({ stored: ['check', text.sent], pending: ['clock', text.sending], failed: ['alert', text.notSent] } as const)[
    state
  ];
  return (
    <span className={classes.state} title={label}>
      <Icon name={icon} size={13} />
      <VisuallyHidden>{label}</VisuallyHidden>
    </span>
  );
}

/** Without a connection it may wait for long, and be thought better of. */
function Waiting({ line: { entry }, onDiscard }: Pick<SaidLineProps, 'line' | 'onDiscard'>) {
  const text = useText('chat');
  const { state } = useStatus();
  if (entry === undefined || state === 'connected') return null;
  return (
    <p className={classes.waiting}>
      {text.waits}{' '}
      <button type="button" onClick={() => onDiscard(entry.id)}>
        {text.discard}
      </button>
    </p>
  );
}

function Failure({ line, onRetry, onDiscard }: SaidLineProps) {
  const text = useText('chat');
  const { entry } = line;
  if (entry === undefined) return null;
  return (
    <p className={classes.failure} role="alert">
      {text.notSent} {problemText(text, entry.code ?? 'other')}{' '}
      {entry.canRetry === true && (
        <button type="button" onClick={() => onRetry(entry.id)}>
          {text.retry}
        </button>
      )}{' '}
      <button type="button" onClick={() => onDiscard(entry.id)}>
        {text.discard}
      </button>
    </p>
  );
}

/** Lines are made anew with every change; most are what they were. */
function sameLine({ line: one, ...rest }: SaidLineProps, { line: other, ...next }: SaidLineProps): boolean {
  return (
    rest.onRetry === next.onRetry &&
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
