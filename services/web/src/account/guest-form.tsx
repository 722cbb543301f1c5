import { useState } from 'react';

import { useText } from '../i18n/language.tsx';
import type { Account } from './account.ts';
import { codePoints, NAME_MAX, NameField } from './name-field.tsx';
import { StepForm } from './step-form.tsx';
import { useAttempt } from './use-attempt.ts';

/** A name is all a guest needs. */
export function GuestForm({ account, onEntered }: { readonly account: Account; readonly onEntered: () => void }) {
  const text = useText('account');
  const attempt = useAttempt();
  const [typed, setTyped] = useState(account.name);
  const submit = () => {
    const name = typed.trim();
    const length = codePoints(name);
    if (length === 0) return attempt.tell(text.missing.nickname);
    if (length > NAME_MAX) return attempt.tell(text.nameTooLong(NAME_MAX));
    return void attempt.run(async () => {
      await account.enterAsGuest(name);
      onEntered();
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
          attempt.tell(undefined);
        }}
      />
    </StepForm>
  );
}
