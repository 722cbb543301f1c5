import type { ReactNode } from 'react';
import { useStore } from 'zustand/react';

import { useText } from '../i18n/language.tsx';
import { PersonName } from '../people/person-name.tsx';
import { Sentence } from '../people/sentence.tsx';
import { Composer } from './composer.tsx';
import classes from './conversation.module.css';
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
