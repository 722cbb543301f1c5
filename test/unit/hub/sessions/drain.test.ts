import { describe, expect, it } from 'vitest';
import type { Clock } from '#libs/hub/ports/clock.ts';
import { drainConnections, drainWindow } from '#libs/hub/sessions/drain.ts';
import { LocalUser } from '#libs/hub/sessions/local-user.ts';
import { openConnection } from '#test/support/unit-connection.ts';

describe('drainWindow', () => {
  it('[D1] grows with the connections and leaves a reserve of the drain time', () => {
    expect(drainWindow(10, 20)).toBe(0.5);
    expect(drainWindow(8000, 20)).toBe(8);
    expect(drainWindow(100_000, 20)).toBe(18);
    expect(drainWindow(10, 1)).toBe(0);
  });
});

describe('drainConnections', () => {
  /** Milliseconds waited in a drain of so many seconds; `stall` is how long the first wait after the last closing really took. */
  async function drain(seconds: number, connections: number, stall = 0) {
    const sent: { frame: string; at: number }[] = [];
    let now = 0;
    let stalled = false;
    const clock: Clock = {
      now: () => now,
      steady: () => now,
      every: () => () => undefined,
      wait: async (milliseconds) => {
        const late = !stalled && now >= drainWindow(connections, seconds) * 1000 ? stall : 0;
        stalled ||= late > 0;
        // A timer that is overdue runs at once: what is longer than it is not waited for a second time.
        now += Math.max(milliseconds, late);
      },
    };
    const all = Array.from({ length: connections }, () =>
      openConnection(new LocalUser('ann', 'Ann', 'user', Promise.resolve()), (frame) => sent.push({ frame, at: now })),
    );
    await drainConnections(all, seconds, clock, () => 0);
    return { now, sent };
  }

  it('[D1] gives the last one time to come back, in half of the drain time', async () => {
    expect((await drain(20, 0)).now).toBe(0);
    const { now, sent } = await drain(20, 10);
    expect(sent.filter(({ frame }) => frame.includes('"draining"'))).toHaveLength(10);
    expect(now).toBe(500 + 1500);
    expect((await drain(2, 10)).now).toBe(50 + 1000);
  });

  it('[D1] a process that stood still meanwhile still gives nearly all of that time afterwards', async () => {
    const { now } = await drain(20, 10, 3000);
    expect(now).toBe(500 + 3000 + 1450);
  });
});
