import { beforeEach, describe, expect, test } from 'vitest';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { LocalUser } from '#libs/hub/sessions/local-user.ts';
import { PingLimit } from '#libs/hub/sessions/ping-limit.ts';
import { openConnection } from '#test/support/unit-connection.ts';

let now: number;
let limited: number;
let connection: Connection;
beforeEach(() => {
  [now, limited] = [1000, 0];
  connection = openConnection(new LocalUser('ada', 'Ada', 'user', Promise.resolve()), () => undefined);
});

function limit(perSecond: number): PingLimit {
  const rateLimited = (): void => {
    limited += 1;
  };
  return new PingLimit({ perSecond, stats: { rateLimited }, steady: () => now });
}

describe('[F3] protocol pings', () => {
  test('and pongs that nobody asked for are counted together', () => {
    const pings = limit(3);
    // The first pong may answer the server's own ping.
    pings.strayPong(connection);
    pings.pinged(connection);
    pings.strayPong(connection);
    pings.pinged(connection);
    expect(limited).toBe(0);
    pings.strayPong(connection);
    expect(limited).toBe(1);
  });

  test('at the least limit leave room for the answer to each ping of the server', () => {
    const pings = limit(1);
    for (let second = 0; second < 60; second++) {
      pings.pinged(connection);
      pings.strayPong(connection);
      now += 1001;
    }
    expect(limited).toBe(0);
  });

  test('and pongs have no limit where it is 0', () => {
    const pings = limit(0);
    for (let n = 0; n < 1000; n++) {
      pings.pinged(connection);
      pings.strayPong(connection);
    }
    expect(limited).toBe(0);
  });
});
