/** Numbers, times, durations and names in the language of the page. */
import { useMemo } from 'react';
import { useLanguage, useText } from '../i18n/language.tsx';
import type { Text } from '../i18n/languages.ts';
import { dateAndTime } from '../i18n/times.ts';
import type { AdminError } from './admin-api.ts';

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

/** Formats numbers and times in one language. */
interface Format {
  number(value: number): string;
  /** Several names: `a, b, and c`. */
  list(names: readonly string[]): string;
  /** Time of day. */
  time(milliseconds: number): string;
  dateTime(milliseconds: number): string;
  /** A duration in its largest two units: `3 days, 4 hr`. Takes seconds. */
  length(seconds: number): string;
  /** A duration in milliseconds. Takes seconds. */
  lag(seconds: number): string;
}

/** Makes the formats of a locale: `useLanguage().locale`. */
export function formatFor(locale: string): Format {
  const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  const list = new Intl.ListFormat(locale);
  const time = new Intl.DateTimeFormat(locale, { timeStyle: 'medium' });
  const unit = (value: number, name: string) =>
    new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'short', maximumFractionDigits: 1 }).format(value);
  return {
    number: (value) => number.format(value),
    list: (names) => list.format(names),
    time: (milliseconds) => time.format(milliseconds),
    dateTime: (milliseconds) => dateAndTime(milliseconds, locale),
    length: (seconds) => {
      const whole = Math.max(0, Math.round(seconds));
      const first = UNITS.findIndex(([, size]) => whole >= size);
      if (first < 0) return unit(0, 'second');
      let rest = whole;
      const parts = UNITS.slice(first, first + 2).map(([name, size]) => {
        const count = Math.floor(rest / size);
        rest -= count * size;
        return count === 0 ? '' : unit(count, name);
      });
      return parts.filter((part) => part !== '').join(' ');
    },
    lag: (seconds) => unit(seconds * 1000, 'millisecond'),
  };
}

/** The formats for the locale of the page. */
export function useFormat(): Format {
  const { locale } = useLanguage();
  return useMemo(() => formatFor(locale), [locale]);
}

/** Returns a function that gives the text for an error. */
export function useReason(): (error: AdminError) => string {
  const { errors } = useText('admin');
  return ({ code, message }) => (Object.hasOwn(errors, code) ? errors[code as keyof typeof errors] : `${code} ${message}`.trim());
}

/** The name of a queue. An unknown queue keeps its own name. */
export function queueName({ queues: { names } }: Text<'admin'>, queue: string): string {
  return Object.hasOwn(names, queue) ? names[queue as keyof typeof names] : queue;
}
