import { describe, expect, it } from 'vitest';

import type { ClientStatus } from '#libs/client/index.ts';
import { noticeOf } from '#services/web/src/connection/connection-notice.ts';
import { en } from '#services/web/src/i18n/en.ts';

const text = en.app.connection;
const notice = (status: Omit<ClientStatus, 'attempt'>) => noticeOf({ attempt: 1, ...status }, en.app, 'en-GB');

describe('what the banner says', () => {
  it('is nothing while all is well', () => {
    expect(notice({ state: 'connected' })).toBeUndefined();
  });

  it('is why it waits, until when, and that one can try at once', () => {
    const retryAt = 5000;
    const lost = (code: string) => notice({ state: 'reconnecting', reason: { code }, retryAt });
    expect(lost('NETWORK')).toEqual({ tone: 'warning', text: text.lost, retryAt, action: 'retry' });
    expect(lost('DRAINING')?.text).toBe(text.restarting);
    expect(lost('RATE_LIMITED')?.text).toBe(text.tooFast);
    expect(lost('NO_TOKEN')?.text).toBe(text.unavailable);
    expect(notice({ state: 'reconnecting' })).toEqual({ tone: 'warning', text: text.reconnecting });
    expect(notice({ state: 'offline', retryAt })).toEqual({ tone: 'warning', text: text.offline, action: 'retry' });
  });

  it.each([
    ['SESSION_REPLACED', text.replaced],
    ['LOGGED_OUT', text.loggedOut],
    ['BANNED', en.app.banned(undefined, undefined)],
    ['FORBIDDEN', text.forbidden],
    ['TOKEN_EXPIRED', text.loginOver],
    ['TOO_LARGE', text.ended],
  ])('[C] is how it ended: %s', (code, words) => {
    for (const state of ['refused', 'closed'] as const)
      expect(notice({ state, reason: { code } })).toEqual({ tone: 'ended', text: words, action: 'startOver' });
  });

  it('[A17] says until when a person is banned, and why', () => {
    const until = new Date(2026, 10, 30, 20, 5).getTime();
    expect(notice({ state: 'closed', reason: { code: 'BANNED', until, message: 'Be kind.' } })?.text).toMatch(
      /^You are banned until 30 Nov 2026, 20:05\. .*Reason: Be kind\.$/,
    );
  });

  it('[C] gives the reason of whoever ended it', () => {
    const ended = (message: string) => notice({ state: 'closed', reason: { code: 'DISCONNECTED', message } });
    expect(ended('maintenance')?.text).toBe('You were disconnected: maintenance');
    expect(ended('')?.text).toBe(text.sentOut);
  });
});
