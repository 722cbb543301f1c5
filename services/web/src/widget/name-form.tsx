import { useEffect, useRef, useState } from 'react';

import type { Text } from '../i18n/languages.ts';

export interface NameFormProps {
  readonly text: Text<'widget'>;
  /** Why the name was not taken: a code of the error table. */
  readonly error: string | undefined;
  /** Focus goes here when it is shown. */
  readonly focused: boolean;
  readonly onBegin: (name: string) => Promise<void>;
}

/** Code points of a name. */
const NAME_MAX = 21;

/** Asks the customer's name. */
export function NameForm({ text, error, focused, onBegin }: NameFormProps) {
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
