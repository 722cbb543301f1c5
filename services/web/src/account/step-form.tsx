import { Button } from '@mantine/core';
import { type ReactNode, useEffect, useRef } from 'react';
import styles from './entry.module.css';
import type { Attempt } from './use-attempt.ts';

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
