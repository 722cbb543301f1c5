import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useStore } from 'zustand/react';
import { ConversationView } from '../conversation/conversation-view.tsx';
import { useLanguage, useText } from '../i18n/language.tsx';
import type { Text } from '../i18n/languages.ts';
import { banText } from '../login/ban-text.ts';
import { PersonName, Sentence } from '../people/person-name.tsx';
import { isComposing } from '../ui/composing.ts';
import { useLostFocus } from '../ui/lost-focus.ts';
import type { ChatView, CustomerChat } from './customer-chat.ts';

interface WidgetPageProps {
  readonly chat: CustomerChat;
  /** Undefined if the widget is a page of its own. */
  readonly onClose: (() => void) | undefined;
}

/** The page of the widget. */
export function WidgetPage({ chat, onClose }: WidgetPageProps) {
  const view = useStore(chat.view);
  const text = useText('widget');
  useEffect(() => {
    document.title = text.title;
  }, [text]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && !isComposing(event)) onClose?.();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [onClose]);
  const [asking, setAsking] = useState(false);
  const going = view.phase === 'chat' && view.conversation !== undefined && view.conversation.state !== 'closed';
  useLostFocus(going);
  return (
    <main className="widget" data-phase={view.phase} data-state={view.conversation?.state} data-connection={view.connection}>
      <header>
        <h1 data-asking={(going && asking) || undefined}>{going && asking ? text.endSure : text.title}</h1>
        {going && <EndButton asking={asking} onAsking={setAsking} onEnd={() => void chat.end()} />}
        {onClose && (
          <button type="button" className="icon" aria-label={text.close} onClick={onClose}>
            <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
              <path d="M6 6l12 12M18 6L6 18" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />
            </svg>
          </button>
        )}
      </header>
      <Content chat={chat} view={view} />
    </main>
  );
}

interface ContentProps extends Pick<WidgetPageProps, 'chat'> {
  readonly view: ChatView;
}

function Content({ chat, view }: ContentProps) {
  const text = useText('widget');
  const app = useText('app');
  const { locale } = useLanguage();
  const why = () => {
    if (view.ban !== undefined) return banText(view.ban, app, locale);
    return view.phase === 'refused' ? text.refused : text.unreachable;
  };
  switch (view.phase) {
    case 'starting':
      return <p className="middle">{text.loading}</p>;
    case 'form':
      return <CustomerNameForm text={text} error={view.formError} focused={view.focused} onBegin={(name) => chat.begin(name)} />;
    case 'unreachable':
    case 'refused':
      return (
        <div className="middle" role="alert">
          <p>{why()}</p>
          <button type="button" className="main" onClick={() => void chat.start()}>
            {text.again}
          </button>
        </div>
      );
    case 'chat':
      return view.thread === undefined ? null : (
        <>
          <p className="state" role="status">
            {stateOf(view, text)}
          </p>
          <ConversationView
            thread={view.thread}
            me={view.me}
            limit={view.limit}
            connected={view.connection === 'fine'}
            placeholder={view.conversation === undefined ? text.ask : undefined}
            focused={view.focused}
            loadOlderBy="button"
            note={view.conversation?.state === 'closed' ? `${text.ended} ${text.writeAgain}` : undefined}
            onPublish={(message) => chat.publish(message)}
          />
        </>
      );
  }
}

/** The line above the messages: trouble with the connection, or else who answers. */
function stateOf({ connection, conversation, thread }: ChatView, text: Text<'widget'>): ReactNode {
  if (connection === 'offline') return text.offline;
  if (connection === 'reconnecting') return text.reconnecting;
  if (conversation === undefined) return thread?.lastText === undefined ? text.ask : text.opening;
  const { state, agent } = conversation;
  if (state === 'closed') return text.ended;
  if (agent === undefined) return text.queued;
  return <Sentence template={([name = '']) => text.assigned(name)} slots={[<PersonName key="name" person={agent} />]} />;
}

interface EndButtonProps {
  readonly asking: boolean;
  readonly onAsking: (asking: boolean) => void;
  readonly onEnd: () => void;
}

/**
 * Asks before it ends the conversation: one press is easily a mistake. The question stands in place
 * of the title, so that the header keeps its height.
 */
function EndButton({ asking, onAsking, onEnd }: EndButtonProps) {
  const text = useText('widget');
  const button = useRef<HTMLButtonElement>(null);
  useLostFocus(asking, () => button.current);
  if (!asking)
    return (
      <button ref={button} type="button" className="quiet" onClick={() => onAsking(true)}>
        {text.end}
      </button>
    );
  return (
    <fieldset className="sure" aria-label={text.endSure}>
      <button
        type="button"
        className="quiet"
        onClick={() => {
          onAsking(false);
          onEnd();
        }}
      >
        {text.yes}
      </button>
      {/* biome-ignore lint/a11y/noAutofocus: the pressed button is gone, so the focus moves to the harmless one */}
      <button type="button" className="quiet" autoFocus onClick={() => onAsking(false)}>
        {text.no}
      </button>
    </fieldset>
  );
}

/** Longest name, in code points. */
const NAME_MAX = 21;

interface NameFormProps {
  readonly text: Text<'widget'>;
  /** Why the name was refused: an error code of the hub. */
  readonly error: string | undefined;
  /** Whether the field takes the focus. */
  readonly focused: boolean;
  readonly onBegin: (name: string) => Promise<void>;
}

/** Asks for the customer's name. */
function CustomerNameForm({ text, error, focused, onBegin }: NameFormProps) {
  const [name, setName] = useState('');
  const [busy, setBusy] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (focused) input.current?.focus();
  }, [focused]);
  const trimmed = name.trim();
  const fits = trimmed !== '' && [...trimmed].length <= NAME_MAX;
  return (
    <form
      className="middle"
      onSubmit={(event) => {
        event.preventDefault();
        if (!fits || busy) return;
        setBusy(true);
        void onBegin(trimmed).finally(() => setBusy(false));
      }}
    >
      <p>{text.hello}</p>
      <label htmlFor="name">{text.name}</label>
      <input
        id="name"
        ref={input}
        value={name}
        autoComplete="name"
        aria-invalid={error !== undefined}
        aria-describedby="name-error"
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <p id="name-error" className="bad" role="alert">
        {error === undefined ? trimmed !== '' && !fits && text.nameInvalid : errorText(error, text)}
      </p>
      <button type="submit" className="main" disabled={!fits || busy}>
        {text.begin}
      </button>
    </form>
  );
}

function errorText(code: string, text: Text<'widget'>): string {
  if (code === 'NAME_INVALID') return text.nameInvalid;
  if (code === 'FORBIDDEN') return text.refused;
  return code === 'RATE_LIMITED' ? text.slowDown : text.unreachable;
}
