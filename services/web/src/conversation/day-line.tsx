import { useLanguage, useText } from '../i18n/language.tsx';
import classes from './conversation.module.css';

const DAY_MS = 86_400_000;

/** Above the first line of a day. `now`: Unix milliseconds. */
export function DayLine({ at, now }: { readonly at: number; readonly now: number }) {
  const text = useText('conversation');
  const { language } = useLanguage();
  return (
    <li className={classes.day} data-day>
      <span>{dayName(at, now)}</span>
    </li>
  );

  function dayName(time: number, today: number): string {
    const day = new Date(time).toDateString();
    if (day === new Date(today).toDateString()) return text.today;
    if (day === new Date(today - DAY_MS).toDateString()) return text.yesterday;
    const year = new Date(time).getFullYear() === new Date(today).getFullYear() ? {} : ({ year: 'numeric' } as const);
    return new Intl.DateTimeFormat(language, { weekday: 'long', day: 'numeric', month: 'long', ...year }).format(time);
  }
}
