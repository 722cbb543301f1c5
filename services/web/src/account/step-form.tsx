import { Button } from '@mantine/core';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useLanguage, useText } from '../i18n/language.tsx';
import type { Text } from '../i18n/languages.ts';
import { banText } from '../login/ban-text.ts';
import { ApiError } from '../login/hub-api.ts';
import { tooManyText } from '../login/too-many-text.ts';
import styles from './entry.module.css';

/** The state of one form and its requests. */
interface Attempt {
  /** A request is running. Until it ends, no other one starts. */
  readonly busy: boolean;
  readonly problem: Problem | undefined;
  /** Shows that the input is wrong. Undefined removes the message. */
  readonly setProblem: (text: string | undefined) => void;
  /**
   * Runs a task. If it fails, shows the problem that `onProblem` returns, or else the text for the
   * error.
   */
  readonly run: (task: () => Promise<void>, onProblem?: (error: unknown) => Problem | undefined) => Promise<void>;
}

/** The state of one form: runs one request at a time and keeps the problem of the last one. */
export function useAttempt(): Attempt {
  const text = useText('account');
  const app = useText('app');
  const { locale } = useLanguage();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  return {
    busy,
    problem,
    setProblem: (words) => setProblem(words === undefined ? undefined : { text: words, field: true }),
    run: async (task, onProblem) => {
      if (busy) return;
      setBusy(true);
      setProblem(undefined);
      try {
        await task();
      } catch (error) {
        setProblem(onProblem?.(error) ?? problemOf(error, text, app, locale));
      } finally {
        setBusy(false);
      }
    },
  };
}

/** One step of the way in: a field, a line for the problem, and a button. */
export function StepForm({
  attempt,
  label,
  onSubmit,
  children,
}: {
  readonly attempt: Attempt;
  /** Text of the button. */
  readonly label: string;
  readonly onSubmit: () => void;
  readonly children: ReactNode;
}) {
  const form = useRef<HTMLFormElement>(null);
  const { problem, busy } = attempt;
  // If there is a problem, the focus goes back to the field.
  useEffect(() => {
    if (problem !== undefined) form.current?.querySelector('input')?.focus();
  }, [problem]);
  return (
    <form
      ref={form}
      className={styles['form']}
      noValidate
      autoComplete="off"
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {children}
      <p id="entry-error" role="alert" className={styles['problem']}>
        {problem?.text}
      </p>
      <Button type="submit" size="md" fullWidth loading={busy}>
        {label}
      </Button>
    </form>
  );
}

/** A problem as text. `field`: the input is wrong. */
export interface Problem {
  readonly text: string;
  readonly field: boolean;
}

/** Finds the text for a failed call. */
function problemOf(error: unknown, { problems }: Text<'account'>, app: Text<'app'>, locale: string): Problem {
  if (!(error instanceof ApiError)) return { text: problems.other, field: false };
  const { code } = error;
  switch (code) {
    case 'RATE_LIMITED':
      return { text: tooManyText(error, app, locale), field: false };
    case 'BANNED':
      return { text: banText(error, app, locale), field: false };
    case 'CODE_INVALID':
    case 'CODE_SPENT':
    case 'NAME_TAKEN':
    case 'NAME_INVALID':
    case 'INVALID_REQUEST':
      return { text: problems[code], field: true };
    case 'FORBIDDEN':
    case 'UNREACHABLE':
      return { text: problems[code], field: false };
    default:
      return { text: problems.other, field: false };
  }
}
