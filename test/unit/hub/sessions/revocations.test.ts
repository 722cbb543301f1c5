import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Bearer } from '#libs/auth/credentials.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { LocalUsers } from '#libs/hub/sessions/local-users.ts';
import { endRevoked } from '#libs/hub/sessions/revocations.ts';
import type { RevocationRecord } from '#libs/store/event-store.ts';
import { MUTE_SOCKET, newConnection, refresh } from '#test/support/unit-connection.ts';

let users: LocalUsers;
let ended: string[];

beforeEach(() => {
  users = new LocalUsers({ subscribeUser: () => Promise.resolve(), unsubscribe: () => undefined });
  ended = [];
});

function open(id: string, bearer: Omit<Partial<Bearer>, 'userId'> & { readonly userId: string }): Connection {
  const connection = newConnection(users.enter(bearer.userId, bearer.userId, 'user'), { bearer, id, session: id });
  users.add(connection);
  connection.opened({
    ...MUTE_SOCKET,
    end: (code, reason) => {
      ended.push(`${id} ${code} ${reason}`);
      // As the network does: the close event comes before `end` returns.
      connection.closed();
      users.remove(connection);
    },
  });
  return connection;
}

const revocation = (kind: RevocationRecord['kind'], subject: string): RevocationRecord => ({
  seq: 1,
  kind,
  subject,
  reason: '',
  at: 5000,
  until: 9000,
});

describe('[A4] [A11] who loses the power of tokens', () => {
  test.each([
    ['login', 'ada-1', ['a 4510 LOGGED_OUT', 'b 4510 LOGGED_OUT']],
    ['user', 'ada', ['a 4510 LOGGED_OUT', 'b 4510 LOGGED_OUT']],
    ['ban', 'ada', ['a 4510 BANNED', 'b 4510 BANNED', 'c 4510 BANNED']],
    ['disconnect', 'ada', ['a 4510 DISCONNECTED', 'b 4510 DISCONNECTED', 'c 4510 DISCONNECTED']],
    ['unban', 'ada', []],
  ] as const)('%s: their connections end, and no others are looked at', (kind, subject, expected) => {
    open('a', { userId: 'ada', login: 'ada-1' });
    open('b', { userId: 'ada', login: 'ada-1', issuedAt: 4 });
    open('c', { userId: 'ada', login: 'ada-2', issuedAt: 6 });
    open('d', { userId: 'bob' });
    const all = vi.spyOn(users, 'all');
    endRevoked(users, revocation(kind, subject));
    expect(ended).toEqual(expected);
    expect(users.size).toBe(4 - expected.length);
    expect(all).not.toHaveBeenCalled();
  });

  test('token: those that came with it', () => {
    for (const [id, tokenHash] of [
      ['a', 'one'],
      ['b', 'two'],
      ['c', 'one'],
    ] as const)
      open(id, { userId: `u${id}`, tokenHash });
    const all = vi.spyOn(users, 'all');
    endRevoked(users, revocation('token', 'one'));
    expect(all).not.toHaveBeenCalled();
    expect(ended).toEqual(['a 4510 LOGGED_OUT', 'c 4510 LOGGED_OUT']);
  });

  test('login: also where different users bear the same, and as it is after a refresh', () => {
    open('a', { userId: 'ada', login: 'x' });
    open('b', { userId: 'bob', login: 'x' });
    const moved = open('c', { userId: 'cid', login: 'x' });
    users.refreshed(moved, refresh(moved, { login: 'y' }));
    const without = open('d', { userId: 'dan', login: 'x' });
    users.refreshed(without, refresh(without, { login: undefined }));
    endRevoked(users, revocation('login', 'x'));
    expect(ended).toEqual(['a 4510 LOGGED_OUT', 'b 4510 LOGGED_OUT']);
    endRevoked(users, revocation('login', 'y'));
    expect(ended.at(-1)).toBe('c 4510 LOGGED_OUT');
    users.remove(without);
    expect([users.ofLogin('x'), users.ofLogin('y')]).toEqual([[], []]);
  });
});
