import { describe, expect, it } from 'vitest';

import { type Room, RoomList } from '#services/web/src/chat/state/room-list.ts';
import { refusal, settled } from '#test/support/fake-chat-client.ts';

const PARK: Room = { room: 'park', kind: 'park', name: 'Park', keepHistory: true, count: 1, offset: 10, unread: 0 };
const GROUP: Room = { room: 'group:1', kind: 'group', name: 'Ducks', keepHistory: true, count: 1, offset: 5, unread: 2 };
const PAIR: Room = { room: 'pair:1', kind: 'pair', name: 'Bob', keepHistory: false, count: 2, offset: 0, unread: 0 };
const OTHERS = { mine: false, seen: false };

function listOf(...answers: (readonly Room[] | Error)[]): RoomList {
  const next = answers[Symbol.iterator]();
  return new RoomList({
    call: async () => {
      const { value } = next.next();
      if (value instanceof Error) throw value;
      return { rooms: value ?? [] };
    },
  });
}

const unread = (list: RoomList): Record<string, number> => Object.fromEntries(list.rooms.map((room) => [room.room, room.unread]));

describe('the list of rooms', () => {
  it('counts what comes, once, and not what is mine or seen', async () => {
    const list = listOf([PARK, GROUP, PAIR]);
    await list.load();
    list.arrived('group:1', 5, OTHERS);
    expect(unread(list)).toEqual({ park: 0, 'group:1': 2, 'pair:1': 0 });
    list.arrived('group:1', 6, OTHERS);
    list.arrived('group:1', 7, { mine: true, seen: false });
    list.arrived('pair:1', 1, OTHERS);
    list.arrived('park', 11, OTHERS);
    expect(unread(list)).toEqual({ park: 1, 'group:1': 3, 'pair:1': 1 });
    expect(list.unread).toBe(5);
    list.arrived('group:1', 8, { mine: false, seen: true });
    list.read('pair:1');
    expect(unread(list)).toEqual({ park: 1, 'group:1': 0, 'pair:1': 0 });
  });

  it('has the park first, then the newest', async () => {
    const list = listOf([PARK, GROUP, PAIR]);
    await list.load();
    list.arrived('pair:1', 1, OTHERS);
    expect(list.rooms.map(({ room }) => room)).toEqual(['park', 'pair:1', 'group:1']);
    list.arrived('park', 11, OTHERS);
    expect(list.rooms.map(({ room }) => room)).toEqual(['park', 'pair:1', 'group:1']);
  });

  it('[M6] takes the count of the hub where it counts, and keeps its own elsewhere', async () => {
    const list = listOf([PARK, GROUP, PAIR], [PARK, { ...GROUP, offset: 9, unread: 1 }, PAIR]);
    await list.load();
    list.arrived('pair:1', 1, OTHERS);
    list.arrived('park', 11, OTHERS);
    await list.load();
    expect(unread(list)).toEqual({ park: 1, 'group:1': 1, 'pair:1': 1 });
    expect(list.get('park')?.offset).toBe(11);
  });

  it('does not forget what came while it was asked', async () => {
    const list = listOf([PARK, GROUP], [PARK, GROUP]);
    await list.load();
    list.arrived('group:1', 6, OTHERS);
    await list.load();
    expect(unread(list)['group:1']).toBe(3);
  });

  it('[M6] does not count as new again what was read here, though the hub has not learned of it yet', async () => {
    const list = listOf([PARK, GROUP], [PARK, GROUP], [PARK, { ...GROUP, offset: 6, unread: 3 }]);
    await list.load();
    list.read('group:1');
    await list.load();
    expect(unread(list)['group:1']).toBe(0);
    await list.load();
    expect(unread(list)['group:1']).toBe(1);
  });

  it('[M3] counts on where a sequence begins anew', async () => {
    const list = listOf([PARK, PAIR]);
    await list.load();
    list.arrived('pair:1', 40, OTHERS);
    list.restarted('pair:1', 0);
    list.arrived('pair:1', 1, OTHERS);
    expect(unread(list)['pair:1']).toBe(2);
  });

  it('is read again where it was asked for meanwhile, and tells what kept it from that', async () => {
    const list = listOf([PARK], [PARK, GROUP], refusal('UNAVAILABLE'));
    const first = list.load();
    void list.load();
    await first;
    expect(list.rooms).toHaveLength(2);
    await list.load();
    await settled();
    expect([list.view.getState().problem, list.rooms.length]).toEqual(['UNAVAILABLE', 2]);
  });

  it('does not know every room', async () => {
    const list = listOf([PARK]);
    await list.load();
    expect(list.arrived('dm:1', 1, OTHERS)).toBe(false);
  });
});
