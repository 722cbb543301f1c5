import { describe, expect, it } from 'vitest';
import { FrameAllowance, FrameBudget, StrikeCounter } from '#libs/hub/limits/frame-budget.ts';

describe('FrameBudget', () => {
  const limits = { rate: 20, burst: 40 };

  it('[F3] takes a burst, then its rate', () => {
    const budget = new FrameBudget(limits, 0);
    const taken = (now: number, frames: number) =>
      Array.from({ length: frames }, () => budget.take(limits, now)).filter((v) => v === FrameAllowance.ok).length;
    expect(taken(0, 60)).toBe(40);
    expect(budget.retryAfter(limits)).toBe(0.05);
    expect(taken(1000, 60)).toBe(20);
    expect(taken(60_000, 60)).toBe(40);
  });

  it('[F3] tells sustained abuse apart from one burst too many', () => {
    const budget = new FrameBudget(limits, 0);
    const verdicts = Array.from({ length: 240 }, () => budget.take(limits, 0));
    expect(verdicts.indexOf(FrameAllowance.abuse)).toBe(239);
  });

  it('rate 0 is no limit', () => {
    const free = { rate: 0, burst: 1 };
    const budget = new FrameBudget(free, 0);
    for (let frame = 0; frame < 1000; frame += 1) expect(budget.take(free, 0)).toBe(FrameAllowance.ok);
  });
});

describe('StrikeCounter', () => {
  it('[F1] strikes at the tenth within the window, not at ten spread over more', () => {
    const quick = new StrikeCounter();
    expect(Array.from({ length: 10 }, (_, n) => quick.strike(20_000 + n * 100, 10, 10_000)).indexOf(true)).toBe(9);
    const slow = new StrikeCounter();
    expect(Array.from({ length: 30 }, (_, n) => slow.strike(20_000 + n * 2000, 10, 10_000))).not.toContain(true);
  });
});
