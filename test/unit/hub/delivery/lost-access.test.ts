import { describe, expect, it } from 'vitest';
import { LostAccess } from '#libs/hub/delivery/lost-access.ts';
import { MembershipValidity } from '#libs/hub/rooms/membership-validity.ts';
import { Room } from '#libs/hub/rooms/room.ts';
import type { Rooms } from '#libs/hub/rooms/rooms.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { LocalUsers } from '#libs/hub/sessions/local-users.ts';
import { PrivateFeed } from '#libs/hub/sessions/private-feed.ts';
import { Standing } from '#libs/messages/room-access.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { WatchedBackground } from '#test/support/background.ts';
import { memberLeft as left, roomChanged, roomClosed } from '#test/support/stored-events.ts';
import { openConnection } from '#test/support/unit-connection.ts';

const LEFT = '{"type":"left","room":"group:x"}';

/** Users with connections in rooms, and a store that says how they stand. */
function stage() {
  const users = new LocalUsers({ subscribeUser: async () => undefined, unsubscribe: () => undefined });
  const rooms = new Map<string, Room>();
  const standings = new Map<string, Standing>();
  const asked: string[] = [];
  const sent: string[] = [];
  const store = { away: false };
  const roomOf = (name: string): Room => {
    const room = rooms.get(name) ?? new Room(name, true, { bytes: 0, max: 1 });
    rooms.set(name, room);
    return room;
  };
  const connect = (id: string, ...joined: string[]): Connection => {
    const connection = openConnection(users.enter(id, id, 'user'), (frame) => sent.push(`${id} ${frame}`), { id: `c${users.size}` });
    users.add(connection);
    for (const name of joined) {
      const room = roomOf(name);
      connection.entered(room);
      room.userEntered(connection.user);
    }
    return connection;
  };
  const lost = new LostAccess({
    background: new WatchedBackground(),
    users,
    rooms: {
      get: (name: string) => rooms.get(name),
      *occupancy() {
        for (const room of rooms.values()) for (const user of room.users.keys()) yield { room: room.name, user };
      },
    } satisfies Pick<Rooms, 'get' | 'occupancy'>,
    fanout: { publish: (topic, frame) => sent.push(`${topic} ${frame}`) },
    validity: new MembershipValidity(() => 0),
    access: {
      recheck: async (user, room) => {
        asked.push(`${user} ${room}`);
        if (store.away) throw new HubError('UNAVAILABLE');
        return standings.get(`${user} ${room}`) ?? Standing.stranger;
      },
    },
    takeOut: (connection, name) => {
      const room = connection.room(name);
      if (room === undefined) return false;
      connection.exited(room);
      room.userLeft(connection.user);
      return true;
    },
  });
  return { lost, connect, standings, asked, sent, users, store };
}

const closed = (room: string, ...users: string[]) => roomClosed(room, 'expired', ...users);

describe('access that is lost', () => {
  it('[R7] puts every session out, once, whoever says it again', async () => {
    const { lost, connect, sent } = stage();
    connect('ann', 'group:x');
    connect('ann', 'group:x', 'group:y');
    connect('bob', 'group:x');
    await lost.apply([left('group:x', 'ann', 'gone')]);
    lost.signalled('ann', 'group:x');
    await lost.apply([left('group:x', 'ann')]);
    expect(sent).toEqual([`ann ${LEFT}`, `ann ${LEFT}`]);
  });

  it('[R7] is held against the present: whoever is a member again stays', async () => {
    const { lost, connect, sent, standings } = stage();
    connect('ann', 'group:x');
    standings.set('ann group:x', Standing.member);
    await lost.apply([left('group:x', 'ann')]);
    expect(sent).toEqual([]);
  });

  it('[R7] asks about nobody who holds nothing', async () => {
    const { lost, connect, asked } = stage();
    connect('ann', 'group:y');
    await lost.apply([left('group:x', 'ann', 'bob'), roomChanged('group:y')]);
    expect(asked).toEqual([]);
  });

  it('[R7] whose present cannot be asked about is left to the next try', async () => {
    const { lost, connect, sent, store } = stage();
    connect('ann', 'group:x');
    store.away = true;
    await expect(lost.apply([left('group:x', 'ann')])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    lost.signalled('ann', 'group:x');
    expect(sent).toEqual([]);
    store.away = false;
    await lost.apply([left('group:x', 'ann')]);
    expect(sent).toEqual([`ann ${LEFT}`]);
  });

  it('[R7] ends a room for all who are in it, and a private one for all sessions of its members, once', async () => {
    const { lost, connect, sent } = stage();
    connect('ann', 'group:x');
    connect('ann', 'pair:x');
    const end = (room: string) => `{"type":"room_closed","room":"${room}","reason":"expired"}`;
    await lost.apply([closed('group:x'), closed('pair:x', 'ann', 'bob')]);
    await lost.apply([closed('group:x'), closed('pair:x', 'ann', 'bob')]);
    lost.closePrivate('ann', 'pair:x', 'expired');
    lost.closeRoom('group:x', 'expired');
    expect(sent.filter((line) => !line.startsWith('r:'))).toEqual([`ann ${end('pair:x')}`, `ann ${end('pair:x')}`]);
    expect(sent[0]).toBe(`r:group:x ${end('group:x')}`);
  });

  it('[R7] is looked for everywhere after a node was away for too long', async () => {
    const { lost, connect, sent, standings, users } = stage();
    connect('ann', 'group:x', 'park');
    connect('bob', 'group:x');
    connect('cleo');
    const [cleo] = users.of('cleo');
    if (cleo !== undefined) cleo.user.gets('pair:y', PrivateFeed.at(3));
    standings.set('bob group:x', Standing.member).set('cleo pair:y', Standing.expired);
    await lost.recheck();
    expect(sent.toSorted()).toEqual([`ann ${LEFT}`, 'cleo {"type":"room_closed","room":"pair:y","reason":"expired"}']);
    expect(cleo?.user.feeds.size).toBe(0);
  });
});
