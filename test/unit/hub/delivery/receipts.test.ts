import { beforeEach, describe, expect, it } from 'vitest';
import { Receipts } from '#libs/hub/delivery/receipts.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { Delivery } from '#libs/hub/sessions/delivery.ts';
import { LocalUser } from '#libs/hub/sessions/local-user.ts';
import { PrivateFeed } from '#libs/hub/sessions/private-feed.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { WatchedBackground } from '#test/support/background.ts';
import { turn } from '#test/support/turn.ts';
import { MUTE_SOCKET, newConnection } from '#test/support/unit-connection.ts';

const ROOM = 'dm:x';

let user: LocalUser;
let pings: string[];
let advanced: string[];
let away: boolean;
let now: number;
let receipts: Receipts;
let connection: Connection;
beforeEach(() => {
  user = new LocalUser('ann', 'Ann', 'user', Promise.resolve());
  [pings, advanced, away, now] = [[], [], false, 0];
  receipts = new Receipts({
    cursors: {
      advance: async (id, room, offset) => {
        if (away) throw new HubError('UNAVAILABLE');
        advanced.push(`${id} ${room} ${offset}`);
        return true;
      },
    },
    background: new WatchedBackground(),
    steady: () => now,
  });
  connection = connect('user');
});

function connect(kind: string, isCaughtUp = true): Connection {
  const one = newConnection(user, { bearer: { kind }, isCaughtUp });
  one.opened({ ...MUTE_SOCKET, ping: (text) => pings.push(text) });
  return one;
}

/** A message of the room was handed to the user's connections. */
function hand(offset: number): void {
  const feed = user.feeds.get(ROOM) ?? PrivateFeed.at(0);
  user.gets(ROOM, feed);
  feed.deliveredUpTo(offset);
  connection.receipts.sent();
}

const pong = (): void => receipts.ponged(connection, pings.at(-1) ?? '');

describe('[M6] of a client that never sends `delivered`', () => {
  it('a sign of life acknowledges nothing: the pong of the ping after it does, what was sent before that', () => {
    hand(3);
    receipts.alive(connection);
    expect([pings.length, advanced]).toEqual([1, []]);
    hand(5);
    receipts.alive(connection);
    pong();
    expect([pings.length, advanced]).toEqual([1, ['ann dm:x 3']]);
    receipts.alive(connection);
    pong();
    expect(advanced).toEqual(['ann dm:x 3', 'ann dm:x 5']);
  });

  it('a pong of another ping acknowledges nothing, and the client is asked again; one that answers the newest only is not waited for in vain', () => {
    hand(3);
    receipts.ponged(connection, '');
    expect(pings).toHaveLength(1);
    for (const text of ['', 'made up']) {
      now += 1000;
      receipts.ponged(connection, text);
    }
    expect([new Set(pings).size, pings.length, advanced]).toEqual([1, 3, []]);
    pong();
    expect(advanced).toEqual(['ann dm:x 3']);
    receipts.ponged(connection, pings.at(-1) ?? '');
    expect([pings.length, advanced.length]).toEqual([3, 1]);
  });

  it('a client that goes on with pongs nobody asked for is asked again once a second, not for each', () => {
    hand(3);
    receipts.alive(connection);
    for (now = 0; now < 3000; now += 10) receipts.ponged(connection, 'made up');
    expect(pings).toHaveLength(3);
    pong();
    expect(advanced).toEqual(['ann dm:x 3']);
  });

  it('nobody is asked of whom nothing is waited for', () => {
    receipts.alive(connection);
    connection = connect('user', false);
    hand(3);
    receipts.alive(connection);
    connection.deliveries.caughtUp();
    connection.receipts.reported();
    receipts.alive(connection);
    receipts.ponged(connection, '');
    expect([pings, advanced]).toEqual([[], []]);
  });

  it('the first `delivered` counts alone, also where it comes before the pong', () => {
    hand(3);
    receipts.alive(connection);
    connection.receipts.reported();
    pong();
    expect(advanced).toEqual([]);
  });

  it('what offline delivery sent is acknowledged as far as it went, of groups too', () => {
    connection.receipts.sentOffline(
      new Map([
        ['group:a', 7],
        [ROOM, 2],
      ]),
    );
    hand(4);
    receipts.alive(connection);
    pong();
    expect(advanced).toEqual(['ann group:a 7', 'ann dm:x 4']);
  });

  it('what is held while the room is joined does not count', () => {
    hand(6);
    connection.deliveries.begin(ROOM, Delivery.join('j', 0));
    receipts.alive(connection);
    expect(pings).toEqual([]);
    connection.deliveries.end(ROOM);
    connection.receipts.sent();
    receipts.alive(connection);
    pong();
    expect(advanced).toEqual(['ann dm:x 6']);
  });

  it('what its kind of token is not given does not count', () => {
    connection = connect('customer');
    hand(3);
    receipts.alive(connection);
    expect(pings).toEqual([]);
  });

  it('what the store did not take is acknowledged with the next', async () => {
    hand(3);
    receipts.alive(connection);
    away = true;
    pong();
    await turn();
    away = false;
    connection.receipts.sent();
    receipts.alive(connection);
    pong();
    expect(advanced).toEqual(['ann dm:x 3']);
  });
});
