import { useState } from 'react';

import { useText } from '../i18n/language.tsx';
import { type Problem, problemOf } from './problem.ts';

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
