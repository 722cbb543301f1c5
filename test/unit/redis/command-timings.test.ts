import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CommandTimings } from '#libs/redis/command-timings.ts';

const seconds: Record<string, number[]> = {};
const timing = (name: string) => ({
  record(value: number) {
    seconds[name] = [...(seconds[name] ?? []), Math.round(value * 1e6) / 1e6];
  },
});

beforeEach(() => {
  for (const name of Object.keys(seconds)) delete seconds[name];
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => void vi.useRealTimers());

it('are those of each command, in the order of the answers; one that nobody observes has its place', () => {
  const timings = new CommandTimings();
  timings.sent(timing('a'));
  timings.sent(undefined);
  vi.advanceTimersByTime(5);
  timings.sent(timing('b'));
  vi.advanceTimersByTime(10);
  for (let n = 0; n < 3; n += 1) timings.settled();
  expect(seconds).toEqual({ a: [0.015], b: [0.01] });
});

it('stay right while more and more commands are in flight, and over the end of the ring', () => {
  const timings = new CommandTimings();
  for (let n = 0; n < 100; n += 1) {
    timings.sent(timing('before'));
    timings.settled();
  }
  for (let n = 0; n < 2000; n += 1) {
    timings.sent(timing(`c${n}`));
    vi.advanceTimersByTime(1);
  }
  for (let n = 0; n < 2000; n += 1) timings.settled();
  expect([0, 1, 500, 1999].map((n) => seconds[`c${n}`])).toEqual([[2], [1.999], [1.5], [0.001]]);
});

it('of a connection that broke are not those of the next one', () => {
  const timings = new CommandTimings();
  timings.sent(timing('old'));
  timings.clear();
  timings.settled();
  timings.sent(timing('new'));
  vi.advanceTimersByTime(1);
  timings.settled();
  expect(seconds).toEqual({ new: [0.001] });
});
