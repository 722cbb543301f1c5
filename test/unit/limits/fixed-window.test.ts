import { expect, it } from 'vitest';
import { FixedWindow } from '#libs/limits/fixed-window.ts';

it('[H4] counts each key by itself, in windows that begin with the first take, and says how long to wait', () => {
  const window = new FixedWindow({ limit: 2, windowMs: 60_000 });
  expect([0, 1, 2].map((n) => window.take('a', n * 1000))).toEqual([0, 0, 58]);
  expect(window.take('b', 2000)).toBe(0);
  expect(window.take('a', 60_000)).toBe(0);
  expect(new FixedWindow({ limit: 0, windowMs: 60_000 }).take('a', 0)).toBe(0);
});

it('gives back a take to its own window only', () => {
  const window = new FixedWindow({ limit: 2, windowMs: 60_000 });
  expect([window.take('a', 59_999), window.take('a', 59_999), window.take('a', 60_001)]).toEqual([0, 0, 60]);
  window.giveBack('a', 59_999);
  expect([window.take('a', 60_002), window.take('a', 60_003)]).toEqual([0, 60]);
  // The next window: what the one before had is not given back to it.
  expect([window.take('a', 119_999), window.take('a', 119_999)]).toEqual([0, 0]);
  window.giveBack('a', 60_002);
  window.giveBack('a', 59_999);
  expect(window.take('a', 119_999)).toBe(60);
  window.giveBack('b', 0);
  for (let times = 0; times < 5; times++) window.giveBack('a', 119_999);
  expect([0, 1, 2].map(() => window.take('a', 120_000))).toEqual([0, 0, 60]);
});
