import { Button } from '@mantine/core';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useText } from '../i18n/language.tsx';
import type { Text } from '../i18n/languages.ts';
import { ApiError } from '../login/hub-api.ts';
import styles from './entry.module.css';

export interface Attempt {
  /** Something is on its way: nothing else begins meanwhile. */
  readonly busy: boolean;
  readonly problem: Problem | undefined;
  /** Says what is wrong with what was typed; undefined: nothing any more. */
  readonly tell: (text: string | undefined) => void;
  /** Does it; what goes wrong becomes the problem, after `onProblem` had its say: what that returns is shown in its place. */
  readonly run: (task: () => Promise<void>, onProblem?: (error: unknown) => Problem | undefined) => Promise<void>;
}

/** One form's tries: one at a time, and what came of the last. */
export function useAttempt(): Attempt {
  const text = useText('account');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  return {
    busy,
    problem,
    tell: (words) => setProblem(words === undefined ? undefined : { text: words, field: true }),
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

/** One step of the way in: a field, the line for what is wrong, and the button. */
export function StepForm({
  attempt,
  label,
  onSubmit,
  children,
}: {
  readonly attempt: Attempt;
  /** Of the button. */
  readonly label: string;
  readonly onSubmit: () => void;
  readonly children: ReactNode;
}) {
  const form = useRef<HTMLFormElement>(null);
  const { problem, busy } = attempt;
  // Whoever is told that something is wrong can type at once.
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

/** What is wrong, in words; `field`: it is what was typed. */
export interface Problem {
  readonly text: string;
  readonly field: boolean;
}

const WAIT_SECONDS = 60;

/** The words for a call that did not work. */
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
