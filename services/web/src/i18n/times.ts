const clocks = new Map<string, Intl.DateTimeFormat>();

/** A time of day, in hours and minutes. `locale`: `useLanguage().locale`. Takes Unix milliseconds. */
export function timeOfDay(milliseconds: number, locale: string): string {
  // A formatter costs more than the line that it is for, so each locale has one.
  const clock = clocks.get(locale) ?? new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
  clocks.set(locale, clock);
  return clock.format(milliseconds);
}

/** A day with its time of day. As `timeOfDay`. */
export function dateAndTime(milliseconds: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(milliseconds);
}
