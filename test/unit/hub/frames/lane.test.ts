import { expect, test } from 'vitest';
import { Lane } from '#libs/hub/frames/lane.ts';

/** Further messages are answered, fast enough. */
function answer(lane: Lane, count: number): void {
  for (let i = 0; i < count; i += 1) lane.answered(1);
}

test('a relay that shows messages more than 100 ms late holds publishers back, until it shows this one', () => {
  let delivered = 0;
  const lane = new Lane(100, () => delivered);
  const room = { epoch: 'e', offset: 4 };
  lane.acked(room, 7, 1000);
  delivered = 1;
  answer(lane, 63);
  // A few messages do not show that the node is busy.
  expect(lane.full(1900)).toBe(false);
  answer(lane, 1);
  expect([lane.full(1100), lane.full(1101), lane.full(1900)]).toEqual([false, true, true]);
  // A younger message is no measure.
  lane.acked(room, 8, 1900);
  room.offset = 6;
  expect(lane.full(1950)).toBe(true);
  room.offset = 7;
  expect(lane.full(1951)).toBe(false);
  lane.acked(room, 7, 1000);
  expect(lane.full(1952)).toBe(false);
});

test('a relay that shows nothing holds nobody back: it has lost its subscription', () => {
  const lane = new Lane(100, () => 5);
  lane.acked({ epoch: 'e', offset: 4 }, 7, 1000);
  answer(lane, 64);
  expect(lane.full(1500)).toBe(false);
});

test('a sample is given up with its sequence, and after a second', () => {
  let delivered = 0;
  const lane = new Lane(100, () => delivered);
  const room = { epoch: 'e', offset: 4 };
  lane.acked(room, 7, 1000);
  delivered = 1;
  answer(lane, 64);
  expect(lane.full(1200)).toBe(true);
  room.epoch = 'f';
  expect(lane.full(1200)).toBe(false);
  lane.acked(room, 7, 1200);
  delivered = 2;
  answer(lane, 64);
  expect([lane.full(2200), lane.full(2201)]).toEqual([true, false]);
});
