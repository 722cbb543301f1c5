import { TextInput } from '@mantine/core';

import styles from './entry.module.css';

/** Characters of a name (A3), as Unicode code points. */
export const NAME_MAX = 21;

export function codePoints(text: string): number {
  return Array.from(text).length;
}

/** A field for a name, with its length counted. */
export function NameField({
  label,
  placeholder,
  hint,
  value,
  wrong,
  autoComplete,
  autoFocus = false,
  onChange,
}: {
  readonly label: string;
  readonly placeholder?: string;
  readonly hint: string;
  readonly value: string;
  readonly wrong: boolean;
  readonly autoComplete: 'off' | 'nickname';
  readonly autoFocus?: boolean;
  readonly onChange: (value: string) => void;
}) {
  const length = codePoints(value.trim());
  return (
    <TextInput
      label={label}
      placeholder={placeholder}
      value={value}
      error={wrong}
      size="md"
      autoFocus={autoFocus}
      autoComplete={autoComplete}
      autoCapitalize="words"
      spellCheck={false}
      aria-describedby="name-hint entry-error"
      inputWrapperOrder={['label', 'input', 'description']}
      description={
        <span className={styles['under']}>
          <span id="name-hint">{hint}</span>
          <span className={styles['count']} data-over={length > NAME_MAX || undefined} aria-hidden="true">
            {length}/{NAME_MAX}
          </span>
        </span>
      }
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
