import { describe, expect, it } from 'vitest';
import { Counts, INTERVAL_MS, pushInterval } from '#libs/hub/delivery/counts.ts';
import { FrameAllowance, FrameBudget, StrikeCounter } from '#libs/hub/limits/frame-budget.ts';
import type { Clock } from '#libs/hub/ports/clock.ts';
import { Room } from '#libs/hub/rooms/room.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { drainConnections, drainWindow } from '#libs/hub/sessions/drain.ts';
import { LocalUser } from '#libs/hub/sessions/local-user.ts';
import { messageId } from '#libs/messages/message-writer.ts';
import { openConnection } from '#test/support/unit-connection.ts';

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

function connect(send: (frame: string) => void): Connection {
  return openConnection(new LocalUser('u', 'U', 'user', Promise.resolve()), send);
}

describe('Counts', () => {
  function run(connections: number) {
    const sent: { topic: string; frame: string; at: number }[] = [];
    let now = 0;
    const counts = new Counts({ publish: (topic, frame) => sent.push({ topic, frame: frame.toString(), at: now }) });
    const tick = () => {
      now += INTERVAL_MS;
      counts.flush(now, connections);
    };
    return { sent, counts, tick, now: () => now };
  }

  it('[P4] pushes at most four a second, the last value always, an unchanged one never', () => {
    const { sent, counts, tick } = run(10);
    for (let step = 0; step < 40; step += 1) {
      counts.online(step % 7 === 0 ? step + 1 : step);
      tick();
    }
    counts.online(99);
    tick();
    tick();
    expect(sent.at(-1)?.frame).toBe('{"type":"online","count":99}');
    for (let index = 1; index < sent.length; index += 1) expect(sent[index]?.frame).not.toBe(sent[index - 1]?.frame);
    for (const { at } of sent) expect(sent.filter((other) => other.at >= at && other.at < at + 1000).length).toBeLessThanOrEqual(4);
  });

  it('[P4] stretches to one a second above 5,000 connections', () => {
    expect([0, 1000, 2500, 5000, 50_000].map(pushInterval)).toEqual([255, 255, 500, 1000, 1000]);
    const { sent, counts, tick, now } = run(6000);
    for (let step = 0; step < 40; step += 1) {
      counts.online(step);
      tick();
    }
    expect(sent.length).toBeLessThanOrEqual(now() / 1000 + 1);
  });

  it('[P4] a room that came back to its old count before the push tells nothing', () => {
    const { sent, counts, tick } = run(1);
    const room = new Room('park', true, { bytes: 0, max: 1 });
    counts.room(room, 5);
    tick();
    counts.room(room, 6);
    counts.room(room, 5);
    tick();
    expect(sent.filter(({ topic }) => topic === 'r:park').map(({ frame }) => frame)).toEqual([
      '{"type":"room_online","room":"park","count":5}',
    ]);
  });
});

describe('Counts told aside', () => {
  it('[P4] [P2] who was told a count that is gone by the next push is told again, alone', () => {
    const pushed: string[] = [];
    const counts = new Counts({ publish: (_topic, frame) => pushed.push(frame.toString()) });
    const received: string[] = [];
    const connection = connect((frame) => received.push(frame));
    const room = new Room('park', true, { bytes: 0, max: 1 });
    connection.rooms.push(room);
    counts.online(2);
    counts.room(room, 2);
    counts.flush(INTERVAL_MS, 1);
    pushed.length = 0;
    // Somebody left, this connection came and was told, somebody else came: nothing changed for the others.
    room.count = 1;
    counts.toldRoom(connection, room);
    counts.toldOnline(connection, 1);
    counts.room(room, 2);
    counts.flush(2 * INTERVAL_MS, 1);
    expect(pushed).toEqual([]);
    expect(received).toEqual(['{"type":"online","count":2}', '{"type":"room_online","room":"park","count":2}']);
    counts.flush(3 * INTERVAL_MS, 1);
    expect(received).toHaveLength(2);
  });
});

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
    const all = Array.from({ length: connections }, () => connect((frame) => sent.push({ frame, at: now })));
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

describe('messageId', () => {
  it('[M2] is derived from room, user and the client id, and from nothing else', () => {
    expect(messageId('park', 'u', '1')).toBe(messageId('park', 'u', '1'));
    expect(messageId('park', 'u', '1')).toMatch(/^[\w-]{22}$/);
    const ids = [
      messageId('park', 'u', '1'),
      messageId('park', 'u', '2'),
      messageId('park', 'v', '1'),
      messageId('other', 'u', '1'),
      messageId('park', 'u\0', '1'),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });
});
