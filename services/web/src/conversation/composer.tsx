import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';

import type { Text } from '../i18n/languages.ts';
import styles from './conversation.module.css';

export interface ComposerProps {
  /** `welcome.limits.messageChars`: Unicode code points. */
  readonly limit: number;
  /** Nothing can be sent: the line is closed for good. */
  readonly disabled: boolean;
  readonly placeholder: string;
  readonly words: Text<'conversation'>;
  /** Focus goes here when it is shown. */
  readonly focused: boolean;
  readonly onSend: (text: string) => void;
  readonly onTyping: () => void;
}

/** From here on the number of characters that are left is shown. */
const NEAR_LIMIT = 40;

/** Where one writes. Enter sends, Shift and Enter begins a line; Enter that ends a word of an input method does neither. */
export function Composer({ limit, disabled, placeholder, words, focused, onSend, onTyping }: ComposerProps) {
  const [text, setText] = useState('');
  const box = useRef<HTMLTextAreaElement>(null);
  const countId = useId();
  const left = limit - [...text.trim()].length;
  const sendable = !disabled && text.trim() !== '' && left >= 0;

  useEffect(() => {
    if (focused) box.current?.focus();
  }, [focused]);

  const send = () => {
    if (!sendable) return;
    onSend(text.trim());
    setText('');
    box.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };

  return (
    <form
      className={styles.composer}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        ref={box}
        rows={2}
        value={text}
        disabled={disabled}
        placeholder={placeholder}
        aria-label={words.message}
        aria-describedby={countId}
        aria-invalid={left < 0}
        onKeyDown={onKeyDown}
        onChange={(event) => {
          setText(event.currentTarget.value);
          if (event.currentTarget.value.trim() !== '') onTyping();
        }}
      />
      <button type="submit" disabled={!sendable}>
        {words.send}
      </button>
      <p id={countId} className={styles.count} data-over={left < 0 || undefined} aria-live="polite">
        {left <= NEAR_LIMIT ? words.left(left) : ''}
      </p>
    </form>
  );
}
