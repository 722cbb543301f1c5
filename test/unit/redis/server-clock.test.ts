import { expect, it } from 'vitest';
import { ServerClock } from '#libs/redis/server-clock.ts';

const NOW = 1_700_000_000_000;

/** A reading: the server's clock, and the seconds of the round trip. */
function read(clock: ServerClock, aheadSeconds: number, roundTripSeconds: number): void {
  const server = Math.round((NOW / 1000 - roundTripSeconds / 2 - aheadSeconds) * 1e6);
  clock.read(`# Server\r\nserver_time_usec:${server}\r\n`, performance.now() - roundTripSeconds * 1000, NOW);
}

it('is no difference before the first reading, nor one within the round trip', () => {
  const clock = new ServerClock();
  expect(clock.offset).toBe(0);
  read(clock, 0.04, 0.1);
  expect(clock.offset).toBe(0);
});

it('is that of the reading with the shortest round trip', () => {
  const clock = new ServerClock();
  read(clock, 1.2, 0.6);
  read(clock, 1, 0.002);
  read(clock, 1.1, 0.4);
  expect(clock.offset).toBeCloseTo(1, 2);
});

it('follows a clock that is set, at once', () => {
  const clock = new ServerClock();
  for (let n = 0; n < 20; n += 1) read(clock, 1, 0.002);
  read(clock, -3600, 0.01);
  expect(clock.offset).toBeCloseTo(-3600, 1);
  read(clock, 0, 0.01);
  expect(clock.offset).toBe(0);
});

it('is none for a server that does not tell its time', () => {
  const clock = new ServerClock();
  clock.read('# Server\r\nredis_version:6.0.0\r\n', performance.now(), NOW);
  expect(clock.offset).toBe(0);
});
