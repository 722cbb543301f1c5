import { Button, Text } from '@mantine/core';
import { useState } from 'react';

import { useText } from '../i18n/language.tsx';
import { ApiError } from '../login/hub-api.ts';
import type { Account } from './account.ts';
import styles from './entry.module.css';
import { codePoints, NAME_MAX, NameField } from './name-field.tsx';
import { StepForm } from './step-form.tsx';
import { useAttempt } from './use-attempt.ts';

/** The name of somebody new. */
export function NameForm({
  account,
  registration,
  onEntered,
  onTooLate,
  onOtherAddress,
}: {
  readonly account: Account;
  /** The ticket of a proved address. */
  readonly registration: string;
  readonly onEntered: () => void;
  /** The ticket is over. */
  readonly onTooLate: () => void;
  readonly onOtherAddress: () => void;
}) {
  const text = useText('account');
  const attempt = useAttempt();
  const [typed, setTyped] = useState('');
  const submit = () => {
    const name = typed.trim();
    const length = codePoints(name);
    if (length === 0) return attempt.tell(text.missing.name);
    if (length > NAME_MAX) return attempt.tell(text.nameTooLong(NAME_MAX));
    return void attempt.run(
      async () => {
        await account.register(registration, name);
        onEntered();
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
          attempt.tell(undefined);
        }}
      />
      <Button variant="subtle" size="compact-sm" color="gray" className={styles['others']} onClick={onOtherAddress}>
        {text.otherAddress}
      </Button>
    </StepForm>
  );
}
