import { describe, expect, it } from 'vitest';
import { Counts, INTERVAL_MS, pushInterval } from '#libs/hub/delivery/counts.ts';
import { Room } from '#libs/hub/rooms/room.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { LocalUser } from '#libs/hub/sessions/local-user.ts';
import { openConnection } from '#test/support/unit-connection.ts';

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
    connection.entered(room);
    counts.online(2);
    counts.room(room, 2);
    counts.flush(INTERVAL_MS, 1);
    pushed.length = 0;
    // Somebody left, this connection came and was told, somebody else came: nothing changed for the others.
    room.countAnswered(1, room.countSignals);
    counts.sentRoom(connection, room);
    counts.sentOnline(connection, 1);
    counts.room(room, 2);
    counts.flush(2 * INTERVAL_MS, 1);
    expect(pushed).toEqual([]);
    expect(received).toEqual(['{"type":"online","count":2}', '{"type":"room_online","room":"park","count":2}']);
    counts.flush(3 * INTERVAL_MS, 1);
    expect(received).toHaveLength(2);
  });
});
