import { ActionIcon, Textarea, VisuallyHidden } from '@mantine/core';
import { type FormEvent, type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';

import { useText } from '../../i18n/language.tsx';
import { Icon } from '../../ui/icon.tsx';
import { useChat } from '../chat-context.ts';
import type { Talk } from '../state/talk.ts';
import { useObservable } from '../use-observable.ts';
import classes from './room.module.css';

/** From this share of the limit on the count stands out. */
const NEAR = 0.8;

/** Where one writes. Enter sends, Enter with Shift begins a line; while an input method composes, Enter is its own. */
export function Composer({ talk }: { readonly talk: Talk }) {
  const text = useText('chat');
  const { store } = useChat();
  const { messageChars, ended } = useObservable(store.connection);
  const [draft, setDraft] = useState(talk.draft);
  const field = useRef<HTMLTextAreaElement>(null);
  const countId = useId();
  const said = draft.trim();
  // Code points, as the hub counts them (F2).
  const length = [...said].length;
  const over = length > messageChars;
  const sendable = length > 0 && !over && !ended;

  useEffect(() => {
    // On a telephone the keyboard would cover what there is to read.
    if (matchMedia('(pointer: fine)').matches) field.current?.focus();
  }, []);

  const write = (next: string) => {
    setDraft(next);
    talk.draft = next;
    if (next.trim() !== '') talk.typed();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!sendable) return;
    talk.say(said);
    write('');
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) submit(event);
  };

  return (
    <form className={classes.composer} onSubmit={submit}>
      <Textarea
        ref={field}
        className={classes.field}
        aria-label={text.message}
        aria-describedby={countId}
        aria-invalid={over}
        placeholder={text.placeholder}
        autosize
        minRows={1}
        maxRows={6}
        radius="lg"
        enterKeyHint="send"
        value={draft}
        error={over}
        onChange={(event) => write(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <ActionIcon type="submit" size={42} radius="xl" aria-label={text.send} title={text.send} disabled={!sendable}>
        <Icon name="send" />
      </ActionIcon>
      <p id={countId} className={classes.counter} data-near={length > messageChars * NEAR || undefined} data-over={over || undefined}>
        <span role={over ? 'alert' : undefined}>{over ? text.tooLong(length - messageChars) : ''}</span>
        <span data-counter aria-hidden="true">
          {length}/{messageChars}
        </span>
        <VisuallyHidden>{text.characters(length, messageChars)}</VisuallyHidden>
      </p>
    </form>
  );
}
