import { Button } from '@mantine/core';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useText } from '../i18n/language.tsx';
import type { Text } from '../i18n/languages.ts';
import { ApiError } from '../login/hub-api.ts';
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
        setProblem(onProblem?.(error) ?? problemOf(error, text));
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

const WAIT_SECONDS = 60;

/** Finds the text for a failed call. */
function problemOf(error: unknown, { problems }: Text<'account'>): Problem {
  const { code, retryAfter } = error instanceof ApiError ? error : { code: 'INTERNAL', retryAfter: undefined };
  switch (code) {
    case 'RATE_LIMITED':
      return { text: problems.rateLimited(retryAfter ?? WAIT_SECONDS), field: false };
    case 'CODE_INVALID':
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
