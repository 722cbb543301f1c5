import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import type { LostAccess } from '#libs/hub/delivery/lost-access.ts';
import type { PrivateRooms } from '#libs/hub/delivery/private-rooms.ts';
import type { UnknownSignals } from '#libs/hub/delivery/unknown-signals.ts';
import { UserSignals } from '#libs/hub/delivery/user-signals.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { LocalUsers } from '#libs/hub/sessions/local-users.ts';
import { EVERY_NODE } from '#libs/protocol/signals.ts';
import { newConnection, refresh } from '#test/support/unit-connection.ts';

const NAMES = ['a', 'b', 'c'] as const;

function enter(users: LocalUsers, user: string, session: string, login?: string, tokenHash = `t:${user}`): Connection {
  const connection = newConnection(users.enter(user, user, 'user'), { bearer: { login, tokenHash }, id: `${users.size}`, session });
  users.add(connection);
  return connection;
}

const channels = { subscribeUser: async () => undefined, unsubscribe: () => undefined };

test('connections are found by label, login and token, through every change', () => {
  const name = fc.constantFrom(...NAMES);
  const step = fc.record({ user: name, session: name, login: fc.option(name, { nil: undefined }), token: name, act: fc.nat() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const users = new LocalUsers(channels);
      const there = new Set<Connection>();
      for (const { user, session, login, token, act } of steps) {
        const one = [...there][act % 7];
        if (one === undefined) there.add(enter(users, user, session, login, token));
        else if (act % 2 === 0) {
          users.remove(one);
          there.delete(one);
        } else {
          users.refreshed(one, refresh(one, { login, tokenHash: token }));
        }
        for (const key of NAMES) {
          const those = (fits: (connection: Connection) => boolean): Set<Connection> => new Set([...there].filter(fits));
          expect(new Set(users.ofSession(key))).toEqual(those((each) => each.session === key));
          expect(new Set(users.ofLogin(key))).toEqual(those(({ bearer }) => bearer.login === key));
          expect(new Set(users.ofToken(key))).toEqual(those(({ bearer }) => bearer.tokenHash === key));
        }
      }
    }),
  );
});

test('[A11] a push to a session reaches all that bear its label, of the user where one is named, and looks at no others', () => {
  const users = new LocalUsers(channels);
  const all = vi.spyOn(users, 'all');
  const signals = new UserSignals({
    users,
    fanout: { publish: () => undefined },
    privateRooms: {} as PrivateRooms,
    lostAccess: {} as LostAccess,
    unknownSignals: {} as UnknownSignals,
    login: () => undefined,
  });
  const got: string[] = [];
  for (const [user, session] of [
    ['ann', 'tab'],
    ['ann', 'tab'],
    ['bob', 'tab'],
    ['bob', 'other'],
  ] as const) {
    const connection = enter(users, user, session);
    connection.deliver = (frame) => void got.push(`${user} ${session} ${frame}`);
  }
  signals.received(EVERY_NODE, Buffer.from('~stab {"x":1}'));
  expect(got.splice(0)).toEqual(['ann tab {"x":1}', 'ann tab {"x":1}', 'bob tab {"x":1}']);
  signals.received('bob', Buffer.from('~stab {"x":2}'));
  signals.received(EVERY_NODE, Buffer.from('~snobody {"x":3}'));
  expect(got).toEqual(['bob tab {"x":2}']);
  expect(all).not.toHaveBeenCalled();
});
