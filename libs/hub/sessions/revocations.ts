import type { ErrorCode } from '#libs/protocol/errors.ts';
import { buildFrame } from '#libs/protocol/server-frame.ts';
import type { RevocationRecord } from '#libs/store/event-store.ts';
import type { Connection } from './connection.ts';
import type { LocalUsers } from './local-users.ts';

/**
 * Ends the connections whose tokens a revocation took back: each gets the reason and is closed with
 * 4510. Costs O(these connections).
 */
export function endRevoked(users: LocalUsers, { kind, subject, reason, at }: RevocationRecord): void {
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
      endAll([...users.of(subject)], 'BANNED', reason);
      break;
    case 'disconnect':
      endAll([...users.of(subject)], 'DISCONNECTED', reason);
      break;
    case 'unban':
      break;
  }
}

/** @param connections A copy: they leave the list of the users as they end. */
function endAll(connections: readonly Connection[], code: ErrorCode, reason = ''): void {
  for (const connection of connections) {
    connection.send(buildFrame('kicked', { reason: code, by: reason === '' ? undefined : reason }));
    connection.end(code, reason === '' ? undefined : reason);
  }
}
