import { expect, it } from 'vitest';
import { FixedWindow } from '#libs/hub/fixed-window.ts';

it('[H4] counts each key by itself, in windows that begin with the first take, and says how long to wait', () => {
  const window = new FixedWindow({ limit: 2, windowMs: 60_000 });
  expect([0, 1, 2].map((n) => window.take('a', n * 1000))).toEqual([0, 0, 58]);
  expect(window.take('b', 2000)).toBe(0);
  expect(window.take('a', 60_000)).toBe(0);
  expect(new FixedWindow({ limit: 0, windowMs: 60_000 }).take('a', 0)).toBe(0);
});
