import { useEffect, useState } from 'react';

import { useText } from '../../i18n/language.tsx';

const MINUTE_MS = 60_000;

/** What is left until a time, in hours and minutes. `until`: Unix milliseconds. */
export function TimeLeft({ until }: { readonly until: number }) {
  const text = useText('chat');
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), MINUTE_MS / 4);
    return () => clearInterval(timer);
  }, []);
  const minutes = Math.max(0, Math.ceil((until - now) / MINUTE_MS));
  return (
    <time dateTime={new Date(until).toISOString()} data-left={minutes}>
      {text.timeLeft(Math.floor(minutes / 60), minutes % 60)}
    </time>
  );
}
