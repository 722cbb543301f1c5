import { type Ban, banText, type ErrorCode } from '#libs/protocol/errors.ts';
import { buildFrame } from '#libs/protocol/server-frame.ts';
import type { RevocationRecord } from '#libs/store/event-store.ts';
import type { Connection } from './connection.ts';
import type { LocalUsers } from './local-users.ts';

/** Clocks of two programs differ by a minute at most. */
const SKEW_MS = 60_000;

/**
 * Ends the connections that a revocation concerns: each gets the reason and is closed with 4510.
 * Costs O(these connections).
 *
 * A node that stood still reads a revocation late. It then leaves the connections open that were
 * opened after a `disconnect`, or after a `ban` that has ended.
 *
 * @param now Unix milliseconds.
 */
export function endRevoked(users: LocalUsers, { kind, subject, reason, at, until, covers = [] }: RevocationRecord, now: number): void {
  const openThen = (user: string): Connection[] => users.of(user).filter(({ openedAt }) => openedAt <= at + SKEW_MS);
  switch (kind) {
    case 'login':
      endAll(users.ofLogin(subject), 'LOGGED_OUT');
      break;
    case 'token':
      endAll(users.ofToken(subject), 'LOGGED_OUT');
      break;
    case 'user':
      endAll(
        users.of(subject).filter(({ bearer: { issuedAt } }) => issuedAt === undefined || issuedAt * 1000 <= at),
        'LOGGED_OUT',
      );
      break;
    case 'ban':
      for (const user of [subject, ...covers]) endBanned(until > now ? [...users.of(user)] : openThen(user), { until, reason });
      break;
    case 'disconnect':
      endAll(openThen(subject), 'DISCONNECTED', reason);
      break;
    case 'unban':
      break;
  }
}

/** @param connections As in `endAll`. */
function endBanned(connections: readonly Connection[], ban: Ban): void {
  for (const connection of connections) {
    connection.send(buildFrame('kicked', { reason: 'BANNED', by: ban.reason === '' ? undefined : ban.reason, until: ban.until }));
    connection.end('BANNED', banText(ban));
  }
}

/** @param connections A copy: they leave the list of the users as they end. */
function endAll(connections: readonly Connection[], code: ErrorCode, reason = ''): void {
  for (const connection of connections) {
    connection.send(buildFrame('kicked', { reason: code, by: reason === '' ? undefined : reason }));
    connection.end(code, reason === '' ? undefined : reason);
  }
}
