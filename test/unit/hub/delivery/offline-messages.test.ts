import { beforeEach, describe, expect, test } from 'vitest';
import { OfflineMessages } from '#libs/hub/delivery/offline-messages.ts';
import { MembershipValidity } from '#libs/hub/rooms/membership-validity.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { LocalUser } from '#libs/hub/sessions/local-user.ts';
import { Standing } from '#libs/messages/room-access.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { WatchedBackground } from '#test/support/background.ts';
import { turn } from '#test/support/turn.ts';
import { newConnection } from '#test/support/unit-connection.ts';

const ROOM = 'group:x';
/** More than enough for every try. */
const FOREVER = 100;

let stored: number;
let away: boolean;
let asked: number[];
let waits: (() => void)[];
let waited: number[];
let offline: OfflineMessages;
let connection: Connection;

beforeEach(() => {
  [stored, away, asked, waits, waited] = [0, false, [], [], []];
  connection = newConnection(new LocalUser('ada', 'Ada', 'user', Promise.resolve()));
  offline = new OfflineMessages({
    cursors: {
      advance: (_user, _room, offset) => {
        asked.push(offset);
        return away ? Promise.reject(new HubError('UNAVAILABLE')) : Promise.resolve(offset <= stored);
      },
      waiting: () => Promise.resolve([]),
    },
    messages: { after: () => Promise.resolve([]) },
    broker: { after: () => Promise.reject(new HubError('UNAVAILABLE')) },
    privateRooms: { start: () => undefined },
    access: { standing: async () => Standing.member },
    validity: new MembershipValidity(() => 0),
    background: new WatchedBackground(),
    clock: {
      wait: (milliseconds) => {
        waited.push(milliseconds);
        return new Promise((resolve) => waits.push(resolve));
      },
    },
  });
});

const told = (offset: number): Promise<void> => {
  offline.delivered(connection, ROOM, offset);
  return turn();
};
async function pass(): Promise<void> {
  for (const done of waits.splice(0)) done();
  await turn();
}

describe('[M6] `delivered` of a message that is not stored yet', () => {
  test('is remembered until it is, with what is said meanwhile', async () => {
    await told(3);
    await told(4);
    expect(asked).toEqual([3]);
    await pass();
    expect(asked).toEqual([3, 4]);
    stored = 4;
    await pass();
    expect(asked).toEqual([3, 4, 4]);
    expect(waits).toEqual([]);
    await told(5);
    expect(asked).toEqual([3, 4, 4, 5]);
  });

  test('of one that is stored asks once', async () => {
    stored = 9;
    await told(9);
    expect({ asked, waits }).toEqual({ asked: [9], waits: [] });
  });

  test('of one that never comes is given up, after longer and longer waits; a flood of them waits once', async () => {
    for (let i = 0; i < 20; i += 1) offline.delivered(connection, ROOM, 1000 + i);
    await turn();
    expect(waits).toHaveLength(1);
    for (let i = 0; i < FOREVER && waits.length > 0; i += 1) await pass();
    expect(waited).toEqual(waited.toSorted((one, other) => one - other));
    expect(waited.length).toBeLessThan(12);
    expect(asked.at(-1)).toBe(1019);
    expect(waited.reduce((sum, wait) => sum + wait)).toBeGreaterThan(30_000);
  });

  test('ends where the store is away: it will be delivered again', async () => {
    await told(3);
    away = true;
    await pass();
    expect(waits).toEqual([]);
  });
});
