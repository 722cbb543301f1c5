import { describe, expect, it } from 'vitest';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { Expiry } from '#libs/hub/sessions/expiry.ts';
import { LocalUser } from '#libs/hub/sessions/local-user.ts';
import { MUTE_SOCKET, newConnection, refresh } from '#test/support/unit-connection.ts';

const NOW = 1_700_000_000;

/** What a connection whose token ends so many seconds from now is told in the minutes after, and in which second. */
function watched(
  lifeSeconds: number,
  issuedAt?: number,
): { told: string[]; connection: Connection; expiry: Expiry; run: (seconds: number) => void } {
  const told: string[] = [];
  let second = 0;
  const connection = newConnection(new LocalUser('u', 'U', 'user', Promise.resolve()), {
    bearer: { expiresAt: NOW + lifeSeconds, issuedAt },
  });
  connection.opened({
    ...MUTE_SOCKET,
    send: (frame) => {
      told.push(`${second} ${(JSON.parse(frame.toString()) as { type: string }).type}`);
      return 1;
    },
    end: (code) => void told.push(`${second} ${code}`),
  });
  const expiry = new Expiry(NOW * 1000);
  expiry.watch(connection, NOW * 1000);
  const run = (seconds: number): void => {
    for (const end = second + seconds; second < end; ) {
      second += 1;
      expiry.sweep((NOW + second) * 1000);
    }
  };
  return { told, connection, expiry, run };
}

describe('the end of a token', () => {
  it.each([
    [100, undefined, 80],
    [60, undefined, 48],
    [10, undefined, 8],
    [3, undefined, 3],
    [100, NOW, 80],
    [900, NOW, 840],
    [30, NOW - 30, 18],
    [100, NOW + 4, 81],
    [20, NOW + 100, 20],
  ])('[F6] of a life of %i s, made at %s, is told at %i', (life, issuedAt, second) => {
    const { told, run } = watched(life, issuedAt);
    run(life);
    expect(told).toEqual([`${second} token_expiring`]);
  });

  it('[F6] is told once for each token: one that ends no later is none', () => {
    const { told, connection, expiry, run } = watched(10);
    run(8);
    for (const end of [10, 9, 10]) {
      expiry.watch(connection, (NOW + 8) * 1000, refresh(connection, { expiresAt: NOW + end }));
    }
    run(1);
    expect(told).toEqual(['8 token_expiring']);
    expiry.watch(connection, (NOW + 9) * 1000, refresh(connection, { expiresAt: NOW + 19 }));
    run(9);
    expect(told).toEqual(['8 token_expiring', '17 token_expiring']);
  });

  it('[F1] [C 4001] is told a minute before, and ends the connection in the very second in which its skew is over', () => {
    const { told, run } = watched(100, NOW - 800);
    run(200);
    expect(told).toEqual(['40 token_expiring', '105 4001']);
  });

  it('[C 4001] comes in one sweep too where the process stood still over it', () => {
    const { told, expiry } = watched(2);
    expiry.sweep((NOW + 60) * 1000);
    expect(told).toEqual(['0 token_expiring', '0 4001']);
  });

  it('[C 4001] of a token that was replaced is nobody’s end', () => {
    const { told, connection, expiry, run } = watched(100);
    refresh(connection, { expiresAt: NOW + 300 });
    for (let i = 0; i < 5; i += 1) expiry.watch(connection, NOW * 1000);
    run(400);
    expect(told).toEqual(['240 token_expiring', '305 4001']);
  });

  it('of hours ahead holds a connection that is gone for a minute at most', () => {
    const { connection, expiry, run } = watched(80_000);
    expect(expiry.watched).toBe(1);
    connection.closed();
    run(61);
    expect(expiry.watched).toBe(0);
  });

  it('[F1] of hours ahead is still met in its second', () => {
    const { told, run } = watched(8000);
    run(8100);
    expect(told).toEqual(['7940 token_expiring', '8005 4001']);
  });

  it.each([
    ['a minute', 60],
    ['an hour', 3600],
  ])('[C 4001] is met in its second by a clock that was set back by %s', (_, back) => {
    const { told, expiry } = watched(100);
    expiry.sweep((NOW + 50) * 1000);
    const ended: number[] = [];
    for (let second = 50 - back; second <= 110; second += 1) {
      expiry.sweep((NOW + second) * 1000);
      if (told.length === 2) ended.push(second);
    }
    expect(told).toHaveLength(2);
    expect(ended[0]).toBe(105);
  });

  it('[C 4001] of a token that came after the clock was set back is met in its second, too', () => {
    const { told, connection, expiry } = watched(100);
    refresh(connection, { expiresAt: NOW - 3500 });
    expiry.watch(connection, (NOW - 3600) * 1000);
    for (let second = -3600; second <= -3495; second += 1) expiry.sweep((NOW + second) * 1000);
    expect(told).toEqual(['0 token_expiring', '0 4001']);
  });

  it('[C 4001] is met within a sweep by a clock that was set ahead', () => {
    const { told, expiry } = watched(9000);
    expiry.sweep((NOW + 9005) * 1000);
    expect(told).toEqual(['0 token_expiring', '0 4001']);
  });
});
