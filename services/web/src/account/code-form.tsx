import { Anchor, Button, Group, Text, TextInput } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { useLanguage, useText } from '../i18n/language.tsx';
import { ApiError, hubUrl } from '../login/hub-api.ts';
import { retryTime } from '../login/too-many-text.ts';
import type { Account } from './account.ts';
import { CODE_LENGTH, codeIn } from './code-text.ts';
import styles from './entry.module.css';
import { type Problem, StepForm, useAttempt } from './step-form.tsx';

/**
 * Asks for a mail address and sends a code to it. `message`: why the person is back at this step.
 */
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
  const { language } = useLanguage();
  const attempt = useAttempt();
  const [typed, setTyped] = useState('');
  const problem: Problem | undefined = attempt.problem ?? (message === undefined ? undefined : { text: message, field: false });
  const submit = () => {
    const claimed = typed.trim();
    if (claimed === '') return attempt.setProblem(text.missing.address);
    return void attempt.run(async () => {
      await account.askForCode(claimed, language);
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
          attempt.setProblem(undefined);
        }}
      />
    </StepForm>
  );
}

/**
 * Takes the mailed code, as soon as it is complete: typed, or pasted anywhere on the page. Calls `onProved` with a ticket for registration, or with undefined if the
 * person is logged in.
 */
export function CodeForm({
  account,
  claimed,
  onProved,
  onOtherAddress,
}: {
  readonly account: Account;
  /** The mail address or name that the person typed. */
  readonly claimed: string;
  readonly onProved: (registration: string | undefined) => Promise<void>;
  readonly onOtherAddress: () => void;
}) {
  const text = useText('account');
  const { language, locale } = useLanguage();
  const attempt = useAttempt();
  const [typed, setTyped] = useState('');
  /** So many further codes were asked for. */
  const [again, setAgain] = useState(0);
  const hasMailbox = useMailbox();
  const lead = again > 0 ? text.codeSentAgain : claimed.includes('@') ? text.codeSentTo(claimed) : text.codeSentToName(claimed);
  /** A code that the hub refused. It costs no further try, for example by an Enter after it was sent. */
  const refused = useRef<string>(undefined);
  const prove = (code: string) =>
    void attempt.run(
      async () => onProved(await account.proveCode(claimed, code)),
      (error) => {
        if (!(error instanceof ApiError)) return undefined;
        if (error.code === 'CODE_INVALID') refused.current = code;
        const time = error.code === 'RATE_LIMITED' ? retryTime(error, locale) : undefined;
        return time === undefined ? undefined : { text: text.problems.codeLimit(time), field: false };
      },
    );
  const submit = () => {
    const code = codeIn(typed);
    if (code === undefined) return attempt.setProblem(text.codeLength(CODE_LENGTH));
    if (code === refused.current) return attempt.setProblem(text.problems.CODE_INVALID);
    return prove(code);
  };
  const take = (value: string) => {
    setTyped(value);
    attempt.setProblem(undefined);
    const code = codeIn(value);
    if (code !== undefined && code !== codeIn(typed) && code !== refused.current) prove(code);
  };
  usePastedCode(take);
  const askAgain = () =>
    void attempt.run(async () => {
      await account.askForCode(claimed, language);
      refused.current = undefined;
      setTyped('');
      setAgain((times) => times + 1);
    });
  return (
    <StepForm attempt={attempt} label={text.logIn} onSubmit={submit}>
      <Text role="status" className={styles['told']}>
        {/* Each time another element: a screen reader does not read the same one again. */}
        <span key={again}>{lead}</span>
      </Text>
      <TextInput
        label={text.code}
        value={typed}
        error={attempt.problem?.field ?? false}
        size="md"
        maxLength={3 * CODE_LENGTH}
        inputMode="text"
        classNames={{ input: styles['code'] }}
        autoFocus
        autoComplete="one-time-code"
        autoCapitalize="characters"
        spellCheck={false}
        aria-describedby="code-hint entry-error"
        inputWrapperOrder={['label', 'input', 'description']}
        description={<span id="code-hint">{text.codeHint}</span>}
        onChange={(event) => take(event.currentTarget.value)}
      />
      {hasMailbox && (
        <Text size="sm" c="dimmed">
          {text.mailboxLead}{' '}
          <Anchor href={hubUrl('dev/mailbox')} target="_blank" rel="noopener" inherit underline="always">
            {text.mailboxLink}
          </Anchor>
        </Text>
      )}
      <Group justify="space-between" className={styles['others']}>
        <Button variant="subtle" size="compact-sm" disabled={attempt.busy} onClick={askAgain}>
          {text.codeAgain}
        </Button>
        <Button variant="subtle" size="compact-sm" color="gray" onClick={onOtherAddress}>
          {text.otherAddress}
        </Button>
      </Group>
    </StepForm>
  );
}

/**
 * Calls `take` with a code that is pasted anywhere on the page. If the pasted text has no code, a
 * field takes it as it is.
 */
function usePastedCode(take: (code: string) => void): void {
  const latest = useRef(take);
  useEffect(() => {
    latest.current = take;
  });
  useEffect(() => {
    const onPaste = (event: ClipboardEvent) => {
      const code = codeIn(event.clipboardData?.getData('text') ?? '');
      if (code === undefined) return;
      event.preventDefault();
      latest.current(code);
    };
    document.addEventListener('paste', onPaste);
    return () => document.removeEventListener('paste', onPaste);
  }, []);
}

/** Whether the hub shows its mail on a page of its own, because it has no mail server. */
function useMailbox(): boolean {
  const [there, setThere] = useState(false);
  useEffect(() => {
    void fetch(hubUrl('dev/mailbox'), { method: 'HEAD', cache: 'no-store' }).then(
      ({ ok }) => setThere(ok),
      () => undefined,
    );
  }, []);
  return there;
}
