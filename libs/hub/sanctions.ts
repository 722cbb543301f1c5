import type { ErrorCode } from '#libs/protocol/errors.ts';
import { kicked } from '#libs/protocol/server-frame.ts';
import type { Sanction } from '#libs/store/store.ts';
import type { Connection } from './connection.ts';
import type { LocalUsers } from './local-users.ts';

/** Something took the power of tokens away: the connections it concerns, as they are now, are told and closed with 4510. */
export function endSanctioned(users: LocalUsers, { kind, subject, reason, at }: Sanction): void {
  switch (kind) {
    case 'login':
      endThose(users.all(), ({ identity }) => identity.login === subject, 'LOGGED_OUT');
      break;
    case 'token':
      endThose(users.all(), ({ identity }) => identity.tokenHash === subject, 'LOGGED_OUT');
      break;
    case 'user':
      endThose(users.of(subject), ({ identity: { issuedAt } }) => issuedAt === undefined || issuedAt * 1000 <= at, 'LOGGED_OUT');
      break;
    case 'ban':
      endThose(users.of(subject), () => true, 'BANNED', reason);
      break;
    case 'disconnect':
      endThose(users.of(subject), () => true, 'DISCONNECTED', reason);
      break;
    case 'unban':
      break;
  }
}

function endThose(connections: Iterable<Connection>, test: (connection: Connection) => boolean, code: ErrorCode, reason = ''): void {
  for (const connection of [...connections]) {
    if (!test(connection)) continue;
    connection.send(kicked(code, reason === '' ? undefined : reason));
    connection.end(code, reason === '' ? undefined : reason);
  }
}
