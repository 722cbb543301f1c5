import { describe, expect, test } from 'vitest';
import type { Broker } from '#libs/broker/broker.ts';
import { NewRooms } from '#libs/hub/limits/new-rooms.ts';
import type { Room } from '#libs/hub/rooms/room.ts';
import { Rooms } from '#libs/hub/rooms/rooms.ts';
import { Retention } from '#libs/messages/room-access.ts';
import { HubError } from '#libs/protocol/errors.ts';

test('[F3] a user has so many new rooms a minute; one that was there costs nothing', () => {
  const rooms = new NewRooms(2, () => undefined);
  expect([rooms.take('ada', 0), rooms.take('ada', 10), rooms.take('ada', 20)]).toEqual([0, 0, 60]);
  expect(rooms.refusal(60)).toMatchObject({ code: 'RATE_LIMITED', retryAfter: 60 });
  expect(rooms.take('bob', 20)).toBe(0);
  rooms.giveBack('ada', 10);
  expect([rooms.take('ada', 30), rooms.take('ada', 59_900)]).toEqual([0, 1]);
  expect([rooms.take('ada', 60_000), rooms.take('ada', 60_000)]).toEqual([0, 0]);
  // Answers that come late give nothing back to the next window.
  rooms.giveBack('ada', 30);
  rooms.giveBack('ada', 10);
  expect(rooms.take('ada', 60_001)).toBe(60);
});

test('0 is no limit', () => {
  const rooms = new NewRooms(0, () => undefined);
  expect(Array.from({ length: 1000 }, () => rooms.take('ada', 0))).not.toContain(1);
});

/** Rooms with one new room a user and minute, over a broker that answers when the test says so. */
function stage() {
  const begun = new Set<string>();
  const subscribed = new Set<string>();
  const asked: { readonly room: string; readonly begin: boolean; readonly answer: () => Promise<void> }[] = [];
  let refused = 0;
  const broker = {
    subscribe: (room: string, _keeps: boolean, begin: boolean) => {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const answer = async (): Promise<void> => {
        if (!begin && !begun.has(room)) reject(new HubError('ROOM_NOT_FOUND'));
        else {
          subscribed.add(room);
          resolve({ position: { epoch: 'e', offset: 0 }, latest: [], began: !begun.has(room) });
          begun.add(room);
        }
        await new Promise((done) => setImmediate(done));
      };
      asked.push({ room, begin, answer });
      return promise;
    },
    unsubscribe: (topic: string) => void subscribed.delete(topic.slice(2)),
  } as unknown as Broker;
  let now = 0;
  const newRooms = new NewRooms(1, () => {
    refused += 1;
  });
  const rooms = new Rooms(broker, newRooms, () => now);
  /** Enters as a connection does: one that is refused leaves. */
  const enter = (user: string, name: string): { readonly room: Room; readonly outcome: Promise<string> } => {
    const room = rooms.acquire({ room: name, retention: Retention.stream, members: undefined }, user);
    const outcome = rooms.opened(room, user).then(
      () => 'in',
      (error: unknown) => {
        rooms.release(room, now);
        return HubError.from(error).code;
      },
    );
    return { room, outcome };
  };
  const answer = (): Promise<void> | undefined => asked.shift()?.answer();
  const exhaust = async (user: string): Promise<void> => {
    const { outcome } = enter(user, `first of ${user}`);
    await answer();
    expect(await outcome).toBe('in');
  };
  const later = (milliseconds: number): void => {
    now += milliseconds;
  };
  return { rooms, enter, answer, exhaust, asked, begun, subscribed, later, refusals: () => refused };
}

describe('[F3] a room that a user without a place opens', () => {
  test('opens for others who enter meanwhile, by their own places', async () => {
    const { rooms, enter, answer, exhaust, asked, refusals } = stage();
    await exhaust('mallory');
    await exhaust('bob');
    const entering = [enter('mallory', 'x'), enter('bob', 'x'), enter('ann', 'x'), enter('mallory', 'x'), enter('cleo', 'x')];
    while (asked.length > 0) await answer();
    expect(await Promise.all(entering.map(({ outcome }) => outcome))).toEqual(['RATE_LIMITED', 'RATE_LIMITED', 'in', 'RATE_LIMITED', 'in']);
    expect(refusals()).toBe(2);
    const room = rooms.get('x');
    expect([room?.connections, room?.epoch]).toEqual([2, 'e']);
    // It is there now: entering it takes no place, and whoever has none may.
    expect(await enter('mallory', 'x').outcome).toBe('in');
    const own = enter('cleo', 'y');
    await answer();
    expect(await own.outcome).toBe('in');
    const second = enter('ann', 'z');
    await answer();
    expect(await second.outcome).toBe('RATE_LIMITED');
  });

  test('is gone at once if nobody else wants it, and tried again by the next one', async () => {
    const { rooms, enter, answer, exhaust, begun, later } = stage();
    await exhaust('mallory');
    const refused = enter('mallory', 'x');
    await answer();
    expect(await refused.outcome).toBe('RATE_LIMITED');
    expect(rooms.get('x')).toBeUndefined();
    // Somebody began it on another node.
    begun.add('x');
    const again = enter('mallory', 'x');
    await answer();
    expect(await again.outcome).toBe('in');
    later(60_000);
    const next = enter('mallory', 'y');
    await answer();
    expect(await next.outcome).toBe('in');
  });

  test('is not opened for those who left while it was refused', async () => {
    const { rooms, enter, answer, exhaust, asked, later, subscribed } = stage();
    await exhaust('mallory');
    const refused = enter('mallory', 'x');
    const left = enter('ann', 'x');
    rooms.release(left.room, 0);
    rooms.release(refused.room, 0);
    await answer();
    expect(asked).toHaveLength(0);
    expect(rooms.get('x')).toBeUndefined();
    later(2000);
    rooms.sweep(2000);
    expect(subscribed).not.toContain('x');
  });
});
