import { expect, test } from 'vitest';

import { NewRooms } from '#libs/hub/new-rooms.ts';

test('[F3] a user has so many new rooms a minute; one that was there costs nothing', () => {
  const rooms = new NewRooms(2, () => undefined);
  expect([rooms.take('ada', 0), rooms.take('ada', 10), rooms.take('ada', 20)]).toEqual([true, true, false]);
  expect(rooms.refusal('ada', 20)).toMatchObject({ code: 'RATE_LIMITED', retryAfter: 60 });
  expect(rooms.take('bob', 20)).toBe(true);
  rooms.giveBack('ada');
  expect([rooms.take('ada', 30), rooms.take('ada', 40)]).toEqual([true, false]);
  expect(rooms.refusal('ada', 59_900)).toMatchObject({ retryAfter: 1 });
  expect([rooms.take('ada', 60_000), rooms.take('ada', 60_000), rooms.take('ada', 60_001)]).toEqual([true, true, false]);
  // The place of a window that is over is not given back to the next one.
  expect(rooms.take('cleo', 60_000)).toBe(true);
  rooms.giveBack('dora');
  expect(rooms.take('dora', 60_000)).toBe(true);
});

test('0 is no limit', () => {
  const rooms = new NewRooms(0, () => undefined);
  expect(Array.from({ length: 1000 }, () => rooms.take('ada', 0))).not.toContain(false);
});
