import { Button, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useText } from '../i18n/language.tsx';
import { ApiError } from '../login/hub-api.ts';
import type { Account } from './account.ts';
import styles from './entry.module.css';
import { StepForm, useAttempt } from './step-form.tsx';

/** Asks a guest for a nickname. */
export function GuestForm({ account, onEntered }: { readonly account: Account; readonly onEntered: () => Promise<void> }) {
  const text = useText('account');
  const attempt = useAttempt();
  const [typed, setTyped] = useState(account.name);
  const submit = () => {
    const name = typed.trim();
    const length = codePoints(name);
    if (length === 0) return attempt.setProblem(text.missing.nickname);
    if (length > NAME_MAX) return attempt.setProblem(text.nameTooLong(NAME_MAX));
    return void attempt.run(async () => {
      await account.enterAsGuest(name);
      await onEntered();
    });
  };
  return (
    <StepForm attempt={attempt} label={text.enter} onSubmit={submit}>
      <NameField
        label={text.nickname}
        placeholder={text.nicknameWish}
        hint={text.nicknameHint}
        value={typed}
        wrong={attempt.problem?.field ?? false}
        autoComplete="off"
        onChange={(value) => {
          setTyped(value);
          attempt.setProblem(undefined);
        }}
      />
    </StepForm>
  );
}

/** Asks the owner of a new account for a name. */
export function RegisterForm({
  account,
  registration,
  onEntered,
  onTooLate,
  onOtherAddress,
}: {
  readonly account: Account;
  /** The ticket that `Account.proveCode` resolved with. */
  readonly registration: string;
  readonly onEntered: () => Promise<void>;
  /** The ticket has expired. */
  readonly onTooLate: () => void;
  readonly onOtherAddress: () => void;
}) {
  const text = useText('account');
  const attempt = useAttempt();
  const [typed, setTyped] = useState('');
  const submit = () => {
    const name = typed.trim();
    const length = codePoints(name);
    if (length === 0) return attempt.setProblem(text.missing.name);
    if (length > NAME_MAX) return attempt.setProblem(text.nameTooLong(NAME_MAX));
    return void attempt.run(
      async () => {
        await account.register(registration, name);
        await onEntered();
      },
      (error) => {
        if (error instanceof ApiError && error.code === 'CODE_INVALID') onTooLate();
        return undefined;
      },
    );
  };
  return (
    <StepForm attempt={attempt} label={text.create} onSubmit={submit}>
      <Text role="status">{text.welcome}</Text>
      <NameField
        label={text.yourName}
        hint={text.nameHint}
        value={typed}
        wrong={attempt.problem?.field ?? false}
        autoComplete="nickname"
        autoFocus
        onChange={(value) => {
          setTyped(value);
          attempt.setProblem(undefined);
        }}
      />
      <Button variant="subtle" size="compact-sm" color="gray" className={styles['others']} onClick={onOtherAddress}>
        {text.otherAddress}
      </Button>
    </StepForm>
  );
}

/** Longest name (A3), in code points. */
const NAME_MAX = 21;

function codePoints(text: string): number {
  return Array.from(text).length;
}

/** A field for a name that counts its characters. */
function NameField({
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
