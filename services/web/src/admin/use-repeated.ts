import { useCallback, useEffect, useRef, useState } from 'react';

import { AdminError } from './admin-api.ts';
import { EVERY_MS, type Known } from './watch.ts';

/**
 * Asks at once, and then every two seconds while the page is visible; keep `ask` the same (`useCallback`) for as long as the question is. Undefined: nothing is
 * asked. The second value asks now.
 */
export function useRepeated<T>(ask: (() => Promise<T>) | undefined): readonly [Known<T>, () => Promise<void>] {
  const [known, setKnown] = useState<Known<T>>({ value: undefined, error: undefined });
  const latest = useRef(ask);
  const look = useCallback(async () => {
    await ask?.().then(
      (value) => {
        if (latest.current === ask) setKnown({ value, error: undefined });
      },
      (failure: unknown) => {
        const error = failure instanceof AdminError ? failure : new AdminError('INTERNAL', String(failure));
        if (latest.current === ask) setKnown((before) => ({ value: before.value, error }));
      },
    );
  }, [ask]);
  useEffect(() => {
    latest.current = ask;
    void look();
    const timer = setInterval(() => {
      if (!document.hidden) void look();
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [ask, look]);
  return [known, look];
}
