import { type FormEvent, type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { useStore } from 'zustand/react';
import { useText } from '../i18n/language.tsx';
import { PersonName, Sentence } from '../people/person-name.tsx';
import { Icon } from '../ui/icon.tsx';
import classes from './composer.module.css';
import shared from './conversation.module.css';
import { MessageList, type MessageListProps } from './message-list.tsx';
import type { Thread } from './thread.ts';

export interface ConversationViewProps extends Omit<MessageListProps, 'label'> {
  /** For who cannot see the list; by default that it has messages. */
  readonly label?: string;
  /** `welcome.limits.messageChars`: code points. */
  readonly limit: number;
  /** The connection ended for good: nothing can be sent. */
  readonly ended?: boolean;
  readonly placeholder?: string | undefined;
  /** The composer takes the focus when this becomes true. */
  readonly focused: boolean;
  /** Takes a text in place of the thread. */
  readonly onPublish?: (text: string) => void;
  /** In place of the composer, where nobody can write. */
  readonly closed?: ReactNode;
}

/** A conversation in any page: its messages, who types, and the composer. */
export function ConversationView(props: ConversationViewProps) {
  const { thread, label, limit, ended = false, placeholder, focused, onPublish, closed, ...list } = props;
  const text = useText('conversation');
  return (
    <>
      <MessageList thread={thread} label={label ?? text.messages} {...list} />
      {closed ?? (
        <>
          <TypingLine thread={thread} />
          <Composer
            thread={thread}
            limit={limit}
            ended={ended}
            placeholder={placeholder ?? text.placeholder}
            focused={focused}
            onPublish={onPublish ?? ((words) => thread.publish(words))}
          />
        </>
      )}
    </>
  );
}

/** Who types. Its place is kept free, so that nothing jumps. */
function TypingLine({ thread }: { readonly thread: Thread }) {
  const text = useText('conversation');
  const typing = useStore(thread.view, (state) => state.typing);
  return (
    <p className={classes.typing} data-typing={typing.length}>
      {typing.length > 0 && (
        <Sentence template={text.isTyping} slots={typing.map((person) => <PersonName key={person.id} person={person} />)} />
      )}
    </p>
  );
}

/** From this share of the limit on the count stands out. */
const NEAR = 0.8;

interface ComposerProps {
  /** Keeps the draft, and tells the others that I type. */
  readonly thread: Thread;
  /** Code points. */
  readonly limit: number;
  readonly ended: boolean;
  readonly placeholder: string;
  readonly focused: boolean;
  readonly onPublish: (text: string) => void;
}

/** Where one writes. Enter publishes, Shift and Enter begins a line; while an input method composes, Enter is its own. */
function Composer({ thread, limit, ended, placeholder, focused, onPublish }: ComposerProps) {
  const text = useText('conversation');
  const [draft, setDraft] = useState(thread.draft);
  const field = useRef<HTMLTextAreaElement>(null);
  const countId = useId();
  const message = draft.trim();
  // Code points, as the hub counts them (F2).
  const length = [...message].length;
  const over = length > limit;
  const sendable = length > 0 && !over && !ended;

  useEffect(() => {
    if (focused) field.current?.focus();
  }, [focused]);

  const write = (next: string) => {
    setDraft(next);
    thread.write(next);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!sendable) return;
    onPublish(message);
    write('');
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) submit(event);
  };

  return (
    <form className={classes.composer} onSubmit={submit}>
      {/* The copy behind the field makes it as high as its text. */}
      <div className={classes.field} data-copy={draft}>
        <textarea
          ref={field}
          rows={1}
          value={draft}
          enterKeyHint="send"
          placeholder={placeholder}
          aria-label={text.message}
          aria-describedby={countId}
          aria-invalid={over}
          onChange={(event) => write(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
      </div>
      <button type="submit" className={classes.send} aria-label={text.send} title={text.send} disabled={!sendable}>
        <Icon name="send" />
      </button>
      <p id={countId} className={classes.counter} data-near={length > limit * NEAR || undefined} data-over={over || undefined}>
        <span role={over ? 'alert' : undefined}>{over ? text.tooLong(length - limit) : ''}</span>
        <span data-counter aria-hidden="true">
          {length}/{limit}
        </span>
        <span className={shared.unseen}>{text.characters(length, limit)}</span>
      </p>
    </form>
  );
}
