import type { ClientStatus } from '#libs/client/index.ts';
import type { Text } from '../i18n/languages.ts';
import { dateAndTime } from '../i18n/times.ts';
import { ApiError } from './hub-api.ts';

/** What the hub says of a ban (A17). */
export interface BanFacts {
  /** The end, Unix milliseconds. */
  readonly until?: number | undefined;
  readonly reason?: string | undefined;
}

/** The ban in the hub's error `BANNED`. Undefined for any other error. */
export function banOf(error: unknown): BanFacts | undefined {
  return error instanceof ApiError && error.code === 'BANNED' ? error : undefined;
}

/** The ban that ended a connection. Undefined if something else did. */
export function banOfStatus(reason: ClientStatus['reason']): BanFacts | undefined {
  return reason?.code === 'BANNED' ? { until: reason.until, reason: reason.message } : undefined;
}

/** Tells a banned person until when they are banned, and why. `locale`: `useLanguage().locale`. */
export function banText({ until, reason }: BanFacts, text: Text<'app'>, locale: string): string {
  return text.banned(until === undefined ? undefined : dateAndTime(until, locale), reason);
}
