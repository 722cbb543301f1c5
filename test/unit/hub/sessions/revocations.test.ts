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

function open(id: string, bearer: Omit<Partial<Bearer>, 'userId'> & { readonly userId: string }, openedAt = 0): Connection {
  const connection = newConnection(users.enter(bearer.userId, bearer.userId, 'user'), { bearer, id, session: id, openedAt });
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

/** When revocations are read, while bans hold. */
const NOW = 6000;

const revocation = (kind: RevocationRecord['kind'], subject: string, more: Partial<RevocationRecord> = {}): RevocationRecord => ({
  seq: 1,
  kind,
  subject,
  reason: '',
  at: 5000,
  until: 9000,
  ...more,
});

describe('[A4] [A11] who loses the power of tokens', () => {
  test.each([
    ['login', 'ada-1', ['a 4510 LOGGED_OUT', 'b 4510 LOGGED_OUT']],
    ['user', 'ada', ['a 4510 LOGGED_OUT', 'b 4510 LOGGED_OUT']],
    ['ban', 'ada', ['a 4510 BANNED 9000', 'b 4510 BANNED 9000', 'c 4510 BANNED 9000']],
    ['disconnect', 'ada', ['a 4510 DISCONNECTED', 'b 4510 DISCONNECTED', 'c 4510 DISCONNECTED']],
    ['unban', 'ada', []],
  ] as const)('%s: their connections end, and no others are looked at', (kind, subject, expected) => {
    open('a', { userId: 'ada', login: 'ada-1' });
    open('b', { userId: 'ada', login: 'ada-1', issuedAt: 4 });
    open('c', { userId: 'ada', login: 'ada-2', issuedAt: 6 });
    open('d', { userId: 'bob' });
    const all = vi.spyOn(users, 'all');
    endRevoked(users, revocation(kind, subject), NOW);
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
    endRevoked(users, revocation('token', 'one'), NOW);
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
    endRevoked(users, revocation('login', 'x'), NOW);
    expect(ended).toEqual(['a 4510 LOGGED_OUT', 'b 4510 LOGGED_OUT']);
    endRevoked(users, revocation('login', 'y'), NOW);
    expect(ended.at(-1)).toBe('c 4510 LOGGED_OUT');
    users.remove(without);
    expect([users.ofLogin('x'), users.ofLogin('y')]).toEqual([[], []]);
  });

  test('[A17] ban: also the guests that it covers, who are told until when and why', () => {
    const sent: string[] = [];
    for (const userId of ['ada', 'bob', 'cid'])
      vi.spyOn(open(userId, { userId }), 'send').mockImplementation((frame) => sent.push(String(frame)));
    endRevoked(users, revocation('ban', 'ada', { reason: 'Be kind.', covers: ['browser x', 'bob'] }), NOW);
    expect(ended).toEqual(['ada 4510 BANNED 9000 Be kind.', 'bob 4510 BANNED 9000 Be kind.']);
    expect(sent.map((frame) => JSON.parse(frame) as unknown)).toEqual(
      ['ada', 'bob'].map(() => ({ type: 'kicked', reason: 'BANNED', by: 'Be kind.', until: 9000 })),
    );
  });

  test.each([
    ['disconnect', ['then 4510 DISCONNECTED', 'skew 4510 DISCONNECTED']],
    ['ban', ['then 4510 BANNED 9000', 'skew 4510 BANNED 9000']],
  ] as const)('[A11] %s: a node that stood still closes what was open at its time, and nothing that was opened later', (kind, expected) => {
    open('then', { userId: 'ada' }, 4000);
    open('skew', { userId: 'ada' }, 5000 + 60_000);
    open('later', { userId: 'ada' }, 5001 + 60_000);
    endRevoked(users, revocation(kind, 'ada'), 3_600_000);
    expect(ended).toEqual(expected);
  });

  test('[A11] a ban that holds closes whatever is open: a node that could not read it let the person in', () => {
    open('later', { userId: 'ada' }, 3_000_000);
    endRevoked(users, revocation('ban', 'ada', { until: 9_000_000 }), 3_600_000);
    expect(ended).toEqual(['later 4510 BANNED 9000000']);
  });
});
