import { type FormEvent, type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { useStore } from 'zustand/react';
import { useText } from '../i18n/language.tsx';
import { PersonName, Sentence } from '../people/person-name.tsx';
import { isComposing } from '../ui/composing.ts';
import { Icon } from '../ui/icon.tsx';
import classes from './composer.module.css';
import shared from './conversation.module.css';
import { useFileRefusal } from './file-refusal.ts';
import { MessageList, type MessageListProps } from './message-list.tsx';
import type { Thread } from './thread.ts';

interface ConversationViewProps extends Omit<MessageListProps, 'label'> {
  /** Label for screen readers. Default: a general one. */
  readonly label?: string;
  /** The longest text, in code points: `messageChars` or `conversationChars` of `welcome.limits`. */
  readonly limit: number;
  /** The connection ended for good: nothing can be sent. */
  readonly ended?: boolean;
  readonly placeholder?: string | undefined;
  /** If this becomes true, the composer takes the focus. */
  readonly focused: boolean;
  /** Publishes a text. Default: the thread does. */
  readonly onPublish?: (text: string) => void;
  /** Shown in place of the composer, if nobody can write. */
  readonly closed?: ReactNode;
}

/** A conversation, the same on all pages: messages, who is typing, and the composer. */
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

/** Who is typing. The line keeps its height while empty, so that nothing jumps. */
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

/** Above this share of the limit, the counter changes its colour. */
const NEAR = 0.8;

interface ComposerProps {
  /** Keeps the draft and reports typing. */
  readonly thread: Thread;
  /** Code points. */
  readonly limit: number;
  readonly ended: boolean;
  readonly placeholder: string;
  readonly focused: boolean;
  readonly onPublish: (text: string) => void;
}

/**
 * The field for a message. Enter sends, Shift+Enter adds a line. An Enter that confirms a candidate
 * of an input method does neither.
 */
function Composer({ thread, limit, ended, placeholder, focused, onPublish }: ComposerProps) {
  const text = useText('conversation');
  const [draft, setDraft] = useState(thread.draft);
  const { refusals, forget, onPaste } = useFileRefusal();
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
    thread.setDraft(next);
    forget();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!sendable) return;
    onPublish(message);
    write('');
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && !event.shiftKey && !isComposing(event.nativeEvent)) submit(event);
  };

  return (
    <form className={classes.composer} onSubmit={submit}>
      {/* A hidden copy of the text gives the field its height. */}
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
          onPaste={onPaste}
        />
      </div>
      <button type="submit" className={classes.send} aria-label={text.send} title={text.send} disabled={!sendable}>
        <Icon name="send" />
      </button>
      <p id={countId} className={classes.counter} data-near={length > limit * NEAR || undefined} data-over={over || undefined}>
        <span role={over ? 'alert' : undefined}>{over ? text.tooLong(length - limit) : ''}</span>
        {/* Each time another element: a screen reader does not read the same one again. */}
        <span aria-live="polite" className={classes.told}>
          {refusals > 0 && <span key={refusals}>{text.noFiles}</span>}
        </span>
        <span data-counter aria-hidden="true">
          {length}/{limit}
        </span>
        <span className={shared.unseen}>{text.characters(length, limit)}</span>
      </p>
    </form>
  );
}
