import type { Text } from '../i18n/languages.ts';
import { timeOfDay } from '../i18n/times.ts';

/** If the hub does not say how long, seconds. */
const WAIT_SECONDS = 60;
const MINUTE_MS = 60_000;

/** The errors of too many tries. `retryAfter`: seconds. */
interface TooMany {
  readonly retryAfter?: number | undefined;
}

/**
 * When a person who tried too often may try again, as a time of day: in whole minutes, so that
 * nobody comes too early. Undefined for up to a minute, which is better told in seconds. `locale`:
 * `useLanguage().locale`.
 *
 * @param now Unix milliseconds.
 */
export function retryTime({ retryAfter = WAIT_SECONDS }: TooMany, locale: string, now = Date.now()): string | undefined {
  if (retryAfter <= 60) return undefined;
  return timeOfDay(Math.ceil((now + retryAfter * 1000) / MINUTE_MS) * MINUTE_MS, locale);
}

/** Tells a person who tried too often when to try again. As `retryTime`. */
export function tooManyText(error: TooMany, text: Text<'app'>, locale: string, now = Date.now()): string {
  const time = retryTime(error, locale, now);
  return time === undefined ? text.tooMany.wait(Math.ceil(error.retryAfter ?? WAIT_SECONDS)) : text.tooMany.until(time);
}
