import { describe, expect, it } from 'vitest';

import { SteadyClock, stopwatch, timeLimit } from '#test/support/steady-clock.ts';
import { until, within } from '#test/support/wait.ts';

/** A clock, and the hand that moves it. */
function owned(): { readonly clock: SteadyClock; readonly pass: (milliseconds: number) => void } {
  let at = 1000;
  const pass = (milliseconds: number): void => {
    at += milliseconds;
  };
  return { clock: new SteadyClock(() => at), pass };
}

describe('the steady clock', () => {
  it('counts what passes between two readings, 200 ms of it at most', () => {
    const { clock, pass } = owned();
    const spent = stopwatch(clock);
    for (const gap of [0, 50, 150, 200]) {
      pass(gap);
      clock.now();
    }
    expect(spent()).toBe(400);
    pass(201);
    expect(spent()).toBe(600);
    pass(5000);
    expect(spent()).toBe(800);
  });

  it('counts gaps of more than a second as stalls', () => {
    const { clock, pass } = owned();
    for (const gap of [999, 1000, 1001, 3000]) {
      pass(gap);
      clock.now();
    }
    expect(clock.stalls).toBe(2);
  });

  it('a time limit is over when its time is, and begins anew after a stall', () => {
    const { clock, pass } = owned();
    const over = timeLimit(1000, clock);
    const steps = (count: number): boolean[] =>
      Array.from({ length: count }, () => {
        pass(100);
        return over();
      });
    expect(steps(9)).not.toContain(true);
    pass(1001);
    expect(over()).toBe(false);
    expect(steps(9)).not.toContain(true);
    expect(steps(1)).toEqual([true]);
  });
});

describe('until', () => {
  it('gives up once its time has passed, tells what it waited for, and keeps the last error', async () => {
    const { clock, pass } = owned();
    let looks = 0;
    const never = (): never => {
      looks += 1;
      pass(100);
      throw new Error('not yet');
    };
    const waiting = until(never, { clock, timeoutMs: 1000, everyMs: 0, describe: () => `look ${looks}` });
    await expect(waiting).rejects.toMatchObject({ message: 'not within 1000 ms: look 11', cause: { message: 'not yet' } });
  });

  it('does not charge a stall, and gives the whole time anew after it', async () => {
    const { clock, pass } = owned();
    let looks = 0;
    const sixteenth = (): boolean => {
      looks += 1;
      pass(looks === 8 ? 60_000 : 100);
      return looks === 16;
    };
    await until(sixteenth, { clock, timeoutMs: 1000, everyMs: 0 });
  });

  it('looks once more after a turn of the event loop', async () => {
    const { clock, pass } = owned();
    let read = false;
    const arrives = (): boolean => {
      pass(500);
      setImmediate(() => {
        read = true;
      });
      return read;
    };
    await until(arrives, { clock, timeoutMs: 200, everyMs: 0 });
  });
});

describe('within', () => {
  const never = new Promise<never>(() => undefined);

  it('rejects once the time has passed', async () => {
    const { clock, pass } = owned();
    const waiting = within(100, 'the end', never, clock);
    pass(150);
    await expect(waiting).rejects.toThrow('not within 100 ms: the end');
  });

  it('does not charge a stall', async () => {
    const { clock, pass } = owned();
    const waiting = within(100, 'the end', new Promise((resolve) => setTimeout(resolve, 120, 'came')), clock);
    pass(60_000);
    expect(await waiting).toBe('came');
  });

  it('lets a promise win whose event was there already', async () => {
    const { clock, pass } = owned();
    // Resolved in the turn in which the time is found over, after the timers: as what is read from a socket.
    let arrived: (value: string) => void = () => undefined;
    const came = new Promise<string>((resolve) => {
      arrived = resolve;
    });
    const reading = setInterval(() => setImmediate(arrived, 'came'), 50);
    pass(150);
    expect(await within(100, 'the end', came, clock)).toBe('came');
    clearInterval(reading);
  });
});
