import { TextInput } from '@mantine/core';
import { useState } from 'react';

import { useText } from '../i18n/language.tsx';
import type { Account } from './account.ts';
import type { Problem } from './problem.ts';
import { StepForm } from './step-form.tsx';
import { useAttempt } from './use-attempt.ts';

/** Asks for a code to be mailed. `message`: why this step is shown again. */
export function AddressForm({
  account,
  message,
  onAsked,
}: {
  readonly account: Account;
  readonly message: string | undefined;
  readonly onAsked: (claimed: string) => void;
}) {
  const text = useText('account');
  const attempt = useAttempt();
  const [typed, setTyped] = useState('');
  const problem: Problem | undefined = attempt.problem ?? (message === undefined ? undefined : { text: message, field: false });
  const submit = () => {
    const claimed = typed.trim();
    if (claimed === '') return attempt.tell(text.missing.address);
    return void attempt.run(async () => {
      await account.askForCode(claimed);
      onAsked(claimed);
    });
  };
  return (
    <StepForm attempt={{ ...attempt, problem }} label={text.askCode} onSubmit={submit}>
      <TextInput
        label={text.address}
        placeholder={text.addressWish}
        value={typed}
        error={problem?.field ?? false}
        size="md"
        inputMode="email"
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        aria-describedby="address-hint entry-error"
        inputWrapperOrder={['label', 'input', 'description']}
        description={<span id="address-hint">{text.addressHint}</span>}
        onChange={(event) => {
          setTyped(event.currentTarget.value);
          attempt.tell(undefined);
        }}
      />
    </StepForm>
  );
}
