import type { ClientStatus } from '#libs/client/index.ts';

import type { Text } from '../i18n/languages.ts';
import { banOfStatus, banText } from '../login/ban-text.ts';

/** The content of the banner. */
export interface ConnectionNotice {
  readonly tone: 'calm' | 'good' | 'warning' | 'ended';
  readonly text: string;
  /** Time of the next attempt, Unix milliseconds. The banner counts down to it. */
  readonly retryAt?: number;
  /** The button of the banner. */
  readonly action?: 'retry' | 'startOver';
}

/**
 * The notice for a status of the connection. Undefined if all is well. `locale`:
 * `useLanguage().locale`.
 */
export function noticeOf({ state, reason, retryAt }: ClientStatus, app: Text<'app'>, locale: string): ConnectionNotice | undefined {
  const text = app.connection;
  switch (state) {
    case 'connected':
      return undefined;
    case 'connecting':
      return { tone: 'calm', text: text.connecting };
    case 'reconnecting':
      return retryAt === undefined
        ? { tone: 'warning', text: text.reconnecting }
        : { tone: 'warning', text: lossOf(reason?.code, text), retryAt, action: 'retry' };
    case 'offline':
      return { tone: 'warning', text: text.offline, action: 'retry' };
    case 'refused':
    case 'closed':
      return { tone: 'ended', text: endOf(reason, app, locale), action: 'startOver' };
  }
}

function lossOf(code: string | undefined, text: Text<'app'>['connection']): string {
  switch (code) {
    case 'DRAINING':
      return text.restarting;
    case 'RATE_LIMITED':
      return text.tooFast;
    case 'NO_TOKEN':
    case 'OVERLOADED':
    case 'UNAVAILABLE':
      return text.unavailable;
    default:
      return text.lost;
  }
}

function endOf(reason: ClientStatus['reason'], app: Text<'app'>, locale: string): string {
  const text = app.connection;
  const ban = banOfStatus(reason);
  if (ban !== undefined) return banText(ban, app, locale);
  switch (reason?.code) {
    case 'SESSION_REPLACED':
      return text.replaced;
    case 'LOGGED_OUT':
      return text.loggedOut;
    case 'DISCONNECTED':
      return reason.message === undefined || reason.message === '' ? text.sentOut : text.sentOutFor(reason.message);
    case 'FORBIDDEN':
    case 'ORIGIN_DENIED':
    case 'INVALID_REQUEST':
      return text.forbidden;
    case 'TOKEN_EXPIRED':
    case 'MISSING_TOKEN':
      return text.loginOver;
    default:
      return text.ended;
  }
}
